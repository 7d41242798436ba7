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

KINFAST_ISA void blend_row(const BlendedRow& row, float* __restrict out, std::size_t n) {
  const float* top = row.top;
  const float* bottom = row.bottom;
  const float weight = row.weight;
  for (std::size_t x = 0; x < n; ++x) {
    out[x] = top[x] + (bottom[x] - top[x]) * weight;
  }
}

// The division takes so long that the blending beside it costs nothing.
KINFAST_ISA inline float corrected(float raw, const float* dark_top, const float* dark_bottom,
                                   float dark_weight, const float* flat_top,
                                   const float* flat_bottom, float flat_weight, std::size_t x) {
  const float offset = dark_top[x] + (dark_bottom[x] - dark_top[x]) * dark_weight;
  const float gain = flat_top[x] + (flat_bottom[x] - flat_top[x]) * flat_weight;
  return (raw - offset) / gain;
}

KINFAST_ISA void correct_row(const std::uint16_t* __restrict raw, const BlendedRow& dark,
                             const BlendedRow& flat, float* __restrict out, std::size_t n) {
  const BlendedRow d = dark; // copies that no store can change
  const BlendedRow f = flat;
  for (std::size_t x = 0; x < n; ++x) {
    out[x] = corrected(static_cast<float>(raw[x]), d.top, d.bottom, d.weight, f.top, f.bottom,
                       f.weight, x);
  }
}

KINFAST_ISA void correct_add_row(const std::uint16_t* __restrict raw, const BlendedRow& dark,
                                 const BlendedRow& flat, float* __restrict into, std::size_t n) {
  const BlendedRow d = dark;
  const BlendedRow f = flat;
  for (std::size_t x = 0; x < n; ++x) {
    into[x] += corrected(static_cast<float>(raw[x]), d.top, d.bottom, d.weight, f.top, f.bottom,
                         f.weight, x);
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

// What bin_row makes of one pixel. The shift is a multiplication by 2^(16 - shift), of which the
// upper half is kept: compilers widen a 16-bit shift to 32 bits, and not that.
KINFAST_ISA inline std::uint16_t level_of(std::uint16_t pixel, std::uint16_t base,
                                          std::uint16_t ceiling, std::uint16_t factor) {
  const std::uint16_t held = pixel > base ? pixel : base;
  const auto above = static_cast<std::uint16_t>(held - base);
  const std::uint16_t capped = above < ceiling ? above : ceiling;
  return factor == 0 ? capped : static_cast<std::uint16_t>((std::uint32_t{capped} * factor) >> 16);
}

KINFAST_ISA void bin_row(const std::uint16_t* __restrict upper,
                         const std::uint16_t* __restrict lower, std::uint16_t base, int shift,
                         std::int16_t* __restrict out, std::size_t n) {
  constexpr std::size_t kBlock = 256;
  const auto ceiling = static_cast<std::uint16_t>((1024 << shift) - 1); // ten bits remain of it
  const auto factor = static_cast<std::uint16_t>(shift == 0 ? 0 : 1 << (16 - shift));
  std::uint16_t columns[2 * kBlock]; // sums of two levels, 16-bit lanes throughout
  for (std::size_t start = 0; start < n; start += kBlock) {
    const std::size_t size = n - start < kBlock ? n - start : kBlock;
    const std::uint16_t* __restrict up = upper + 2 * start;
    const std::uint16_t* __restrict low = lower + 2 * start;
    for (std::size_t x = 0; x < 2 * size; ++x) {
      columns[x] = static_cast<std::uint16_t>(level_of(up[x], base, ceiling, factor) +
                                              level_of(low[x], base, ceiling, factor));
    }
    for (std::size_t x = 0; x < size; ++x) {
      out[start + x] = static_cast<std::int16_t>((columns[2 * x] + columns[2 * x + 1]) >> 1);
    }
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

// A lane adds its neighbour's input beside the product, so that nothing is lost where that is zero.
#if KINFAST_ISA_SHUFFLES
// By hand, since compilers make twice the scalar loop's time of it.
KINFAST_ISA inline void hash_stripes(const std::byte* __restrict data, std::size_t n_stripes,
                                     const std::byte* __restrict secret,
                                     std::uint64_t* __restrict lanes) {
  constexpr std::size_t kHalf = sizeof(__m256i);
  auto* halves = reinterpret_cast<__m256i*>(lanes);
  __m256i held[2] = {_mm256_loadu_si256(halves), _mm256_loadu_si256(halves + 1)};
  for (std::size_t stripe = 0; stripe < n_stripes; ++stripe) {
    for (std::size_t half = 0; half < 2; ++half) {
      const auto* from = reinterpret_cast<const __m256i*>(data + stripe * 64 + half * kHalf);
      const auto* key = reinterpret_cast<const __m256i*>(secret + stripe * 8 + half * kHalf);
      const __m256i input = _mm256_loadu_si256(from);
      const __m256i keyed = _mm256_xor_si256(input, _mm256_loadu_si256(key));
      const __m256i product = _mm256_mul_epu32(keyed, _mm256_srli_epi64(keyed, 32));
      const __m256i neighbour = _mm256_shuffle_epi32(input, _MM_SHUFFLE(1, 0, 3, 2));
      held[half] = _mm256_add_epi64(held[half], _mm256_add_epi64(neighbour, product));
    }
  }
  _mm256_storeu_si256(halves, held[0]);
  _mm256_storeu_si256(halves + 1, held[1]);
}
#else
KINFAST_ISA inline void hash_stripes(const std::byte* __restrict data, std::size_t n_stripes,
                                     const std::byte* __restrict secret,
                                     std::uint64_t* __restrict lanes) {
  constexpr std::size_t kLanes = 8;
  std::uint64_t held[kLanes];
  std::memcpy(held, lanes, sizeof held);
  for (std::size_t stripe = 0; stripe < n_stripes; ++stripe) {
    std::uint64_t input[kLanes];
    std::uint64_t keyed[kLanes];
    std::memcpy(input, data + stripe * sizeof input, sizeof input);
    std::memcpy(keyed, secret + stripe * sizeof keyed[0], sizeof keyed);
    for (std::size_t i = 0; i < kLanes; ++i) {
      keyed[i] = little_endian(keyed[i]) ^ little_endian(input[i]);
      held[i] += little_endian(input[i ^ 1]) + (keyed[i] & 0xFFFFFFFFU) * (keyed[i] >> 32);
    }
  }
  std::memcpy(lanes, held, sizeof held);
}
#endif

KINFAST_ISA void hash_blocks(const std::byte* __restrict data, std::size_t n_blocks,
                             std::uint64_t* __restrict lanes) {
  constexpr std::size_t kStripes = 16;
  constexpr std::uint64_t kScramble = 0x9E3779B1U;
  const std::byte* secret = reinterpret_cast<const std::byte*>(kHashSecret);
  std::uint64_t keys[8];
  std::memcpy(keys, secret + 128, sizeof keys);
  for (std::size_t block = 0; block < n_blocks; ++block) {
    hash_stripes(data + block * kStripes * 64, kStripes, secret, lanes);
    for (std::size_t i = 0; i < 8; ++i) {
      lanes[i] = (lanes[i] ^ (lanes[i] >> 47) ^ little_endian(keys[i])) * kScramble;
    }
  }
}

constexpr RowKernels kKernels{max_row,   add_row,        blend_row,    correct_row, correct_add_row,
                              scale_row, accumulate_row, quantise_row, bin_row,     focus_row,
                              pick_row,  hash_stripes,   hash_blocks};
