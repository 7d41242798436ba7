// Raw counts of a row, or of several, to corrected ones. See rows.inl.hpp for how this file is
// included.

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
