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

KINFAST_ISA void correct_row(const std::uint16_t* __restrict raw, const BlendedRow& dark,
                             const BlendedRow& gain, float* __restrict out, std::size_t n) {
  const BlendedRow d = dark; // copies that no store can change
  const BlendedRow g = gain;
  for (std::size_t x = 0; x < n; ++x) {
    const float offset = d.top[x] + (d.bottom[x] - d.top[x]) * d.weight;
    const float factor = g.top[x] + (g.bottom[x] - g.top[x]) * g.weight;
    out[x] = (static_cast<float>(raw[x]) - offset) * factor;
  }
}

// The rows' common part is read, and the sum written, once for all of them. A dark-field that does
// not change downwards needs no blending.
template <bool kLevelDark, std::size_t... kRow>
KINFAST_ISA void add_rows(std::index_sequence<kRow...>, const std::uint16_t* __restrict raw,
                          std::size_t width, const BlendedRows& dark, const BlendedRows& gain,
                          const float* shares, float* __restrict into) {
  const BlendedRows d = dark;
  const BlendedRows g = gain;
  const float dark_weights[] = {d.weights[kRow]...};
  const float gain_weights[] = {g.weights[kRow]...};
  const float held_shares[] = {shares[kRow]...};
  for (std::size_t x = 0; x < width; ++x) {
    const float dark_top = d.top[x];
    const float dark_rise = kLevelDark ? 0.0F : d.bottom[x] - dark_top;
    const float gain_top = g.top[x];
    const float gain_rise = g.bottom[x] - gain_top;
    float sum = into[x];
    ((sum +=
      held_shares[kRow] * ((static_cast<float>(raw[kRow * width + x]) -
                            (kLevelDark ? dark_top : dark_top + dark_rise * dark_weights[kRow])) *
                           (gain_top + gain_rise * gain_weights[kRow]))),
     ...);
    into[x] = sum;
  }
}

template <bool kLevelDark>
KINFAST_ISA void add_corrected_rows(const std::uint16_t* raw, std::size_t width,
                                    const BlendedRows& dark, const BlendedRows& gain,
                                    const float* shares, std::size_t n_rows, float* into) {
  switch (n_rows) {
#define KINFAST_ROWS(n)                                                                            \
  case n:                                                                                          \
    return add_rows<kLevelDark>(std::make_index_sequence<n>(), raw, width, dark, gain, shares, into)
    KINFAST_ROWS(1);
    KINFAST_ROWS(2);
    KINFAST_ROWS(3);
    KINFAST_ROWS(4);
    KINFAST_ROWS(5);
    KINFAST_ROWS(6);
#undef KINFAST_ROWS
  default:
    break;
  }
}

KINFAST_ISA void add_corrected(const std::uint16_t* raw, std::size_t raw_width,
                               const BlendedRows& dark, const BlendedRows& gain,
                               const float* shares, std::size_t n_rows, float* into) {
  if (dark.top == dark.bottom) {
    return add_corrected_rows<true>(raw, raw_width, dark, gain, shares, n_rows, into);
  }
  add_corrected_rows<false>(raw, raw_width, dark, gain, shares, n_rows, into);
}

KINFAST_ISA void accumulate_row(const float* __restrict row, float weight, float* __restrict into,
                                std::size_t n) {
  for (std::size_t x = 0; x < n; ++x) {
    into[x] += weight * row[x];
  }
}

KINFAST_ISA void join_rows(const float* __restrict rows, float* __restrict joined, std::size_t n) {
  for (std::size_t x = 0; x < n; ++x) {
    for (std::size_t i = 0; i < 4; ++i) {
      joined[4 * x + i] = rows[i * n + x];
    }
  }
}

KINFAST_ISA void mean_columns(const float* __restrict columns, const Coverage* __restrict covered,
                              double area, float* __restrict means, std::size_t n) {
  using FourFloats = float __attribute__((vector_size(16)));
  using FourDoubles = double __attribute__((vector_size(32)));
  for (std::size_t i = 0; i < n; ++i) {
    const Coverage& c = covered[i];
    FourFloats four;
    std::memcpy(&four, columns + 4 * c.first, sizeof four);
    FourDoubles sum = double{c.first_weight} * __builtin_convertvector(four, FourDoubles);
    for (std::size_t x = c.first + 1; x < c.last; ++x) {
      std::memcpy(&four, columns + 4 * x, sizeof four);
      sum += __builtin_convertvector(four, FourDoubles);
    }
    if (c.last > c.first) {
      std::memcpy(&four, columns + 4 * c.last, sizeof four);
      sum += double{c.last_weight} * __builtin_convertvector(four, FourDoubles);
    }
    four = __builtin_convertvector(sum / area, FourFloats);
    std::memcpy(means + 4 * i, &four, sizeof four);
  }
}

KINFAST_ISA void quantise_row(const float* __restrict row, float low, float scale,
                              std::uint8_t* __restrict out, std::size_t n) {
  // Adding 1.5 * 2^23 leaves no bit for a fraction: the addition itself rounds half to even.
  constexpr float kRounder = 12582912.0F;
  constexpr std::size_t kBlock = 256;
  float levels[kBlock]; // in between: compilers make branches of all three steps in one loop
  for (std::size_t start = 0; start < n; start += kBlock) {
    const std::size_t size = n - start < kBlock ? n - start : kBlock;
    for (std::size_t x = 0; x < size; ++x) {
      const float level = (row[start + x] - low) * scale;
      levels[x] = level > 0.0F ? level : 0.0F; // NaN compares false, and becomes 0
    }
    for (std::size_t x = 0; x < size; ++x) {
      levels[x] = levels[x] < 255.0F ? levels[x] : 255.0F;
    }
    for (std::size_t x = 0; x < size; ++x) {
      out[start + x] =
          static_cast<std::uint8_t>(static_cast<int>((levels[x] + kRounder) - kRounder));
    }
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

// The eight lanes of XXH3. A lane adds its neighbour's input beside the product, so that nothing is
// lost where that is zero.
#if KINFAST_ISA_SHUFFLES
// By hand, since compilers make twice the scalar loop's time of it.
struct HashLanes {
  __m256i half[2];
};

KINFAST_ISA inline void load_lanes(const std::uint64_t* from, HashLanes& lanes) {
  const auto* halves = reinterpret_cast<const __m256i*>(from);
  lanes.half[0] = _mm256_loadu_si256(halves);
  lanes.half[1] = _mm256_loadu_si256(halves + 1);
}

KINFAST_ISA inline void store_lanes(const HashLanes& lanes, std::uint64_t* to) {
  auto* halves = reinterpret_cast<__m256i*>(to);
  _mm256_storeu_si256(halves, lanes.half[0]);
  _mm256_storeu_si256(halves + 1, lanes.half[1]);
}

KINFAST_ISA inline void hash_stripe(HashLanes& lanes, const std::byte* data, const std::byte* key) {
  for (std::size_t i = 0; i < 2; ++i) {
    const __m256i input = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data) + i);
    const __m256i keyed =
        _mm256_xor_si256(input, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(key) + i));
    const __m256i product = _mm256_mul_epu32(keyed, _mm256_srli_epi64(keyed, 32));
    const __m256i neighbour = _mm256_shuffle_epi32(input, _MM_SHUFFLE(1, 0, 3, 2));
    lanes.half[i] = _mm256_add_epi64(lanes.half[i], _mm256_add_epi64(neighbour, product));
  }
}
#else
struct HashLanes {
  std::uint64_t lane[8];
};

KINFAST_ISA inline void load_lanes(const std::uint64_t* from, HashLanes& lanes) {
  std::memcpy(lanes.lane, from, sizeof lanes.lane);
}

KINFAST_ISA inline void store_lanes(const HashLanes& lanes, std::uint64_t* to) {
  std::memcpy(to, lanes.lane, sizeof lanes.lane);
}

KINFAST_ISA inline void hash_stripe(HashLanes& lanes, const std::byte* data, const std::byte* key) {
  std::uint64_t input[8];
  std::uint64_t keyed[8];
  std::memcpy(input, data, sizeof input);
  std::memcpy(keyed, key, sizeof keyed);
  for (std::size_t i = 0; i < 8; ++i) {
    keyed[i] = little_endian(keyed[i]) ^ little_endian(input[i]);
    lanes.lane[i] += little_endian(input[i ^ 1]) + (keyed[i] & 0xFFFFFFFFU) * (keyed[i] >> 32);
  }
}
#endif

constexpr std::size_t kBlockStripes = 16;

KINFAST_ISA void hash_stripes(const std::byte* data, std::size_t n_stripes, const std::byte* secret,
                              std::uint64_t* lanes) {
  HashLanes held;
  load_lanes(lanes, held);
  for (std::size_t stripe = 0; stripe < n_stripes; ++stripe) {
    hash_stripe(held, data + stripe * 64, secret + stripe * 8);
  }
  store_lanes(held, lanes);
}

KINFAST_ISA inline void scramble_lanes(std::uint64_t* lanes) {
  constexpr std::uint64_t kScramble = 0x9E3779B1U;
  std::uint64_t keys[8];
  std::memcpy(keys, kHashSecret + 128, sizeof keys);
  for (std::size_t i = 0; i < 8; ++i) {
    lanes[i] = (lanes[i] ^ (lanes[i] >> 47) ^ little_endian(keys[i])) * kScramble;
  }
}

KINFAST_ISA void hash_blocks(const std::byte* data, std::size_t n_blocks, std::uint64_t* lanes) {
  const std::byte* secret = reinterpret_cast<const std::byte*>(kHashSecret);
  for (std::size_t block = 0; block < n_blocks; ++block) {
    hash_stripes(data + block * kBlockStripes * 64, kBlockStripes, secret, lanes);
    scramble_lanes(lanes);
  }
}

// Neighbouring pixels are alike, and two increments of one counter wait for each other: so four
// neighbours go to four tables. One load for four pixels: the counters alone keep the load and
// store units busy.
KINFAST_ISA inline void count_four(const std::byte* pixels, std::uint32_t* tables) {
  std::uint64_t four = 0;
  std::memcpy(&four, pixels, sizeof four);
  ++tables[four & 0xFFFFU];
  ++tables[kLevels + ((four >> 16) & 0xFFFFU)];
  ++tables[2 * kLevels + ((four >> 32) & 0xFFFFU)];
  ++tables[3 * kLevels + (four >> 48)];
}

// A stripe's 32 counters take as many cycles, of which hashing fills the idle part.
template <std::size_t kHashed>
KINFAST_ISA void count_and_hash(const std::byte* pixels, std::size_t n_blocks,
                                std::uint32_t* tables, const HashRun* runs) {
  const std::byte* secret = reinterpret_cast<const std::byte*>(kHashSecret);
  for (std::size_t block = 0; block < n_blocks; ++block) {
    HashLanes held[kHashed];
    for (std::size_t i = 0; i < kHashed; ++i) {
      load_lanes(runs[i].lanes, held[i]);
    }
    for (std::size_t stripe = 0; stripe < kBlockStripes; ++stripe) {
      const std::size_t at = (block * kBlockStripes + stripe) * 64;
      for (std::size_t i = 0; i < kHashed; ++i) {
        hash_stripe(held[i], runs[i].data + at, secret + stripe * 8);
      }
      for (std::size_t byte = 0; byte < 64; byte += 8) {
        count_four(pixels + at + byte, tables);
      }
    }
    for (std::size_t i = 0; i < kHashed; ++i) {
      store_lanes(held[i], runs[i].lanes);
      scramble_lanes(runs[i].lanes);
    }
  }
}

KINFAST_ISA void count_blocks(const std::byte* pixels, std::size_t n_blocks, std::uint32_t* tables,
                              const HashRun* runs, std::size_t n_runs) {
  switch (n_runs) {
  case 2:
    return count_and_hash<2>(pixels, n_blocks, tables, runs);
  case 1:
    return count_and_hash<1>(pixels, n_blocks, tables, runs);
  default:
    break;
  }
  for (std::size_t at = 0; at < n_blocks * kBlockStripes * 64; at += 8) {
    count_four(pixels + at, tables);
  }
}

constexpr RowKernels kKernels{max_row,        add_row,   blend_row,    correct_row,  add_corrected,
                              accumulate_row, join_rows, mean_columns, quantise_row, bin_row,
                              focus_row,      pick_row,  hash_stripes, hash_blocks,  count_blocks};
