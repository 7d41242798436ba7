// The bodies of the row kernels: plain loops that a compiler turns into the vectors of the
// instruction set that KINFAST_ISA names. Included by rows.cpp once per set, each time inside a
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
    for (const int pixel : {int{upper[2 * x]}, int{upper[2 * x + 1]}, int{lower[2 * x]},
                            int{lower[2 * x + 1]}}) {
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

KINFAST_ISA void pick_row(const std::uint8_t* __restrict pixels, std::size_t n_channels,
                          const std::int64_t* __restrict channels, std::size_t n_chosen,
                          std::uint8_t* __restrict out, std::size_t n) {
  for (std::size_t x = 0; x < n; ++x) {
    for (std::size_t j = 0; j < n_chosen; ++j) {
      out[x * n_chosen + j] = pixels[x * n_channels + static_cast<std::size_t>(channels[j])];
    }
  }
}

constexpr RowKernels kKernels{max_row,      add_row,        blend_row,    correct_row,
                              scale_row,    accumulate_row, quantise_row, bin_row,
                              focus_row,    pick_row};
