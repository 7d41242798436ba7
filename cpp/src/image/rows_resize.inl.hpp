// Corrected rows added up to stored pixels, and their levels. See rows.inl.hpp for how this file is
// included.

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
