// The bodies of the row kernels: plain loops that a compiler turns into the vectors of the
// instruction set that KINFAST_ISA names; KINFAST_ISA_SHUFFLES is 1 where that has byte shuffles,
// which no compiler finds by itself. Included by rows.cpp once per set, each time inside a
// namespace of its own; hence no include guard and no include.

KINFAST_ISA void max_row(const std::uint16_t* __restrict row, std::uint16_t* __restrict into,
                         std::size_t n) {
  for (std::size_t x = 0; x < n; ++x) {
    into[x] = row[x] > into[x] ? row[x] : into[x];
  }
}

KINFAST_ISA void add_row(const std::uint16_t* __restrict row, std::uint32_t* __restrict into,
                         std::size_t n) {
  for (std::size_t x = 0; x < n; ++x) {
    into[x] += row[x];
  }
}

KINFAST_ISA void blend_row(const float* __restrict top, const float* __restrict bottom,
                           float weight, float* __restrict out, std::size_t n) {
  for (std::size_t x = 0; x < n; ++x) {
    out[x] = top[x] + (bottom[x] - top[x]) * weight;
  }
}

KINFAST_ISA void correct_row(const std::uint16_t* __restrict raw, const float* __restrict dark,
                             const float* __restrict flat, float* __restrict out, std::size_t n) {
  for (std::size_t x = 0; x < n; ++x) {
    out[x] = (static_cast<float>(raw[x]) - dark[x]) / flat[x];
  }
}

KINFAST_ISA void scale_row(const float* __restrict row, float weight, float* __restrict into,
                           std::size_t n) {
  for (std::size_t x = 0; x < n; ++x) {
    into[x] = weight * row[x];
  }
}

KINFAST_ISA void accumulate_row(const float* __restrict row, float weight, float* __restrict into,
                                std::size_t n) {
  for (std::size_t x = 0; x < n; ++x) {
    into[x] += weight * row[x];
  }
}

KINFAST_ISA void quantise_row(const float* __restrict row, float low, float scale,
                              std::uint8_t* __restrict out, std::size_t n) {
  // Adding 1.5 * 2^23 leaves no bit for a fraction: the addition itself rounds half to even.
  constexpr float kRounder = 12582912.0F;
  for (std::size_t x = 0; x < n; ++x) {
    float level = (row[x] - low) * scale;
    level = level > 0.0F ? level : 0.0F; // NaN compares false, and becomes 0
    level = level < 255.0F ? level : 255.0F;
    out[x] = static_cast<std::uint8_t>(static_cast<int>((level + kRounder) - kRounder));
  }
}

KINFAST_ISA void bin_row(const std::uint16_t* __restrict upper,
                         const std::uint16_t* __restrict lower, std::uint16_t base, int shift,
                         std::int16_t* __restrict out, std::size_t n) {
  constexpr int kTop = 1023; // ten bits: then focus_row's products sum up in 32
  for (std::size_t x = 0; x < n; ++x) {
    int sum = 0;
    for (const int pixel :
         {int{upper[2 * x]}, int{upper[2 * x + 1]}, int{lower[2 * x]}, int{lower[2 * x + 1]}}) {
      const int above = pixel > base ? pixel - base : 0;
      const int level = above >> shift;
      sum += level < kTop ? level : kTop;
    }
    out[x] = static_cast<std::int16_t>(sum >> 1);
  }
}

KINFAST_ISA FocusSums focus_row(const std::int16_t* __restrict above,
                                const std::int16_t* __restrict row, std::size_t n) {
  // A second difference is at most 2 * 2046, its product with another at most 2^24: 127 of them
  // fit into 31 bits.
  constexpr std::size_t kBlock = 112;
  FocusSums sums;
  for (std::size_t start = 1; start + 1 < n; start += kBlock) {
    const std::size_t stop = start + kBlock < n - 1 ? start + kBlock : n - 1;
    std::int32_t curvature = 0;
    std::int32_t slope = 0;
    std::int32_t energy = 0;
    for (std::size_t x = start; x < stop; ++x) {
      const auto slope_here = static_cast<std::int16_t>(row[x + 1] - row[x - 1]);
      const auto slope_above = static_cast<std::int16_t>(above[x + 1] - above[x - 1]);
      const auto curve_here = static_cast<std::int16_t>(row[x + 1] + row[x - 1] - 2 * row[x]);
      const auto curve_above =
          static_cast<std::int16_t>(above[x + 1] + above[x - 1] - 2 * above[x]);
      curvature += std::int32_t{curve_here} * std::int32_t{curve_above};
      slope += std::int32_t{slope_here} * std::int32_t{slope_above};
      energy += std::int32_t{slope_here} * std::int32_t{slope_here};
    }
    sums.curvature += curvature;
    sums.slope += slope;
    sums.energy += energy;
  }
  return sums;
}

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

constexpr RowKernels kKernels{max_row,        add_row,      blend_row, correct_row, scale_row,
                              accumulate_row, quantise_row, bin_row,   focus_row,   pick_row};
