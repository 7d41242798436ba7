// The row kernels: what is done to one row of pixels, once for every instruction set.
//
// Glossary: n is a number of elements; no two pointers of one call overlap; every kernel gives the
// same bits whatever the instruction set, because floats are only ever combined element by element
// (no sum across lanes, no fused multiply-add) and sums across a row are integers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kinfast/illumination/field.hpp"
#include "kinfast/image/isa.hpp"

namespace kinfast {

// Sums over pairs of neighbouring rows of a binned image; see focus.hpp.
struct FocusSums {
  std::int64_t curvature = 0; // second difference times that of the row above
  std::int64_t slope = 0;     // central difference times that of the row above
  std::int64_t energy = 0;    // central difference squared
};

struct RowKernels {
  // into = max(into, row).
  void (*max_row)(const std::uint16_t* row, std::uint16_t* into, std::size_t n);
  // into += row; the caller bounds the number of rows, so that 32 bits hold the sum.
  void (*add_row)(const std::uint16_t* row, std::uint32_t* into, std::size_t n);
  // out = top + (bottom - top) * weight.
  void (*blend_row)(const BlendedRow& row, float* out, std::size_t n);
  // out = (raw - dark) / flat, both blended; their rows may be the same ones.
  void (*correct_row)(const std::uint16_t* raw, const BlendedRow& dark, const BlendedRow& flat,
                      float* out, std::size_t n);
  // into += (raw - dark) / flat: correct_row and accumulate_row with a weight of 1, in one.
  void (*correct_add_row)(const std::uint16_t* raw, const BlendedRow& dark, const BlendedRow& flat,
                          float* into, std::size_t n);
  // into = weight * row.
  void (*scale_row)(const float* row, float weight, float* into, std::size_t n);
  // into += weight * row.
  void (*accumulate_row)(const float* row, float weight, float* into, std::size_t n);
  // out = (row - low) * scale, clipped to 0 .. 255, rounded half to even; NaN gives 0.
  void (*quantise_row)(const float* row, float low, float scale, std::uint8_t* out, std::size_t n);
  // out[i] = half the sum of a 2 x 2 block of min((pixel - base) >> shift, 1023), below base 0.
  void (*bin_row)(const std::uint16_t* upper, const std::uint16_t* lower, std::uint16_t base,
                  int shift, std::int16_t* out, std::size_t n);
  // Of the inner n - 2 elements of a row and the row above it; values in 0 .. 2046.
  FocusSums (*focus_row)(const std::int16_t* above, const std::int16_t* row, std::size_t n);
  // out[i * n_chosen + j] = pixels[i * n_channels + channels[j]] for n pixels.
  void (*pick_row)(const std::uint8_t* pixels, std::size_t n_channels, const std::int64_t* channels,
                   std::size_t n_chosen, std::uint8_t* out, std::size_t n);
  // Eight lanes of XXH3 take stripes of 64 bytes, keyed from `secret` on, 8 bytes further each.
  void (*hash_stripes)(const std::byte* data, std::size_t n_stripes, const std::byte* secret,
                       std::uint64_t* lanes);
  // The same for blocks of 16 stripes, each with the whole secret, and scrambled behind each.
  void (*hash_blocks)(const std::byte* data, std::size_t n_blocks, std::uint64_t* lanes);
};

// The 192 bytes that XXH3 takes its keys from.
const std::byte* hash_secret();

// The kernels of the active instruction set; throws as active_isa() does.
const RowKernels& row_kernels();

// For tests: throws std::invalid_argument where `isa` is not available.
const RowKernels& row_kernels(Isa isa);

} // namespace kinfast
