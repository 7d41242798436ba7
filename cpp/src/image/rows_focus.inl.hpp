// What is sharp in a row: levels of two rows joined, and sums of their differences. See
// rows.inl.hpp for how this file is included.

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
