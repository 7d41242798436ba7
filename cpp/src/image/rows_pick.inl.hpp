// Some of the channels of interleaved pixels. See rows.inl.hpp for how this file is included.

template <std::size_t kChosen>
KINFAST_ISA void pick_pixels(const std::uint8_t* __restrict pixels, std::size_t n_channels,
                             const std::int64_t* __restrict channels, std::uint8_t* __restrict out,
                             std::size_t n) {
  std::size_t offsets[kChosen];
  for (std::size_t j = 0; j < kChosen; ++j) {
    offsets[j] = static_cast<std::size_t>(channels[j]);
  }
  for (std::size_t x = 0; x < n; ++x) {
    for (std::size_t j = 0; j < kChosen; ++j) {
      out[x * kChosen + j] = pixels[x * n_channels + offsets[j]];
    }
  }
}

#if KINFAST_ISA_SHUFFLES
// As many pixels at once as sixteen bytes hold on either side: one shuffle puts the chosen bytes in
// front, and the bytes that it writes beyond them are those that the next step overwrites. Returns
// the number of pixels done; the last few are left.
KINFAST_ISA std::size_t pick_shuffled(const std::uint8_t* __restrict pixels, std::size_t n_channels,
                                      const std::int64_t* __restrict channels, std::size_t n_chosen,
                                      std::uint8_t* __restrict out, std::size_t n) {
  constexpr std::size_t kBytes = 16;
  const std::size_t widest = n_channels > n_chosen ? n_channels : n_chosen;
  const std::size_t step = kBytes / widest;
  if (step < 2) {
    return 0;
  }
  alignas(kBytes) std::uint8_t order[kBytes] = {};
  for (std::size_t x = 0; x < step; ++x) {
    for (std::size_t j = 0; j < n_chosen; ++j) {
      order[x * n_chosen + j] =
          static_cast<std::uint8_t>(x * n_channels + static_cast<std::size_t>(channels[j]));
    }
  }
  const __m128i shuffle = _mm_load_si128(reinterpret_cast<const __m128i*>(order));
  const std::size_t narrowest = n_channels < n_chosen ? n_channels : n_chosen;
  std::size_t x = 0;
  for (; (n - x) * narrowest >= kBytes; x += step) {
    const auto* from = reinterpret_cast<const __m128i*>(pixels + x * n_channels);
    const __m128i picked = _mm_shuffle_epi8(_mm_loadu_si128(from), shuffle);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + x * n_chosen), picked);
  }
  return x;
}
#endif

KINFAST_ISA void pick_row(const std::uint8_t* __restrict pixels, std::size_t n_channels,
                          const std::int64_t* __restrict channels, std::size_t n_chosen,
                          std::uint8_t* __restrict out, std::size_t n) {
#if KINFAST_ISA_SHUFFLES
  const std::size_t done = pick_shuffled(pixels, n_channels, channels, n_chosen, out, n);
  pixels += done * n_channels;
  out += done * n_chosen;
  n -= done;
#endif
  switch (n_chosen) {
  case 1:
    return pick_pixels<1>(pixels, n_channels, channels, out, n);
  case 2:
    return pick_pixels<2>(pixels, n_channels, channels, out, n);
  case 3:
    return pick_pixels<3>(pixels, n_channels, channels, out, n);
  default:
    break;
  }
  for (std::size_t x = 0; x < n; ++x) {
    for (std::size_t j = 0; j < n_chosen; ++j) {
      out[x * n_chosen + j] = pixels[x * n_channels + static_cast<std::size_t>(channels[j])];
    }
  }
}
