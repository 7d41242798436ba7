// The row kernels: what is done to one row of pixels, once for every instruction set.
//
// Glossary: n is a number of elements; no two pointers of one call overlap; every kernel gives the
// same bits whatever the instruction set, because floats are only ever combined element by element
// (no sum across lanes, no fused multiply-add) and sums across a row are integers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kinfast/illumination/field.hpp"
#include "kinfast/image/focus.hpp"
#include "kinfast/image/histogram.hpp"
#include "kinfast/image/isa.hpp"
#include "kinfast/image/resize.hpp"

namespace kinfast {

// Where blocks to be hashed begin, and the eight lanes that they go to.
struct HashRun {
  const std::byte* data;
  std::uint64_t* lanes;
};

inline constexpr std::size_t kMostCorrected = 6; // more rows' factors do not stay in registers

struct RowKernels {
  // into = max(into, row).
  void (*max_row)(const std::uint16_t* row, std::uint16_t* into, std::size_t n);
  // into += row; the caller bounds the number of rows, so that 32 bits hold the sum.
  void (*add_row)(const std::uint16_t* row, std::uint32_t* into, std::size_t n);
  // out = top + (bottom - top) * weight.
  void (*blend_row)(const BlendedRow& row, float* out, std::size_t n);
  // out = (raw - dark) * gain, both blended; their rows may be the same ones.
  void (*correct_row)(const std::uint16_t* raw, const BlendedRow& dark, const BlendedRow& gain,
                      float* out, std::size_t n);
  // For up to kMostCorrected rows that follow each other, from the top down: correct_row and
  // accumulate_row with the row's share, in one. A row is raw_width pixels.
  void (*add_corrected)(const std::uint16_t* raw, std::size_t raw_width, const BlendedRows& dark,
                        const BlendedRows& gain, const float* shares, std::size_t n_rows,
                        float* into);
  // into += weight * row.
  void (*accumulate_row)(const float* row, float weight, float* into, std::size_t n);
  // joined[4 * x + i] = rows[i * n + x] for four rows.
  void (*join_rows)(const float* rows, float* joined, std::size_t n);
  // The columns' half of an area resize, of four rows at once: columns and means are joined. A mean
  // is the sum over its columns, from left to right in double, over the area.
  void (*mean_columns)(const float* columns, const Coverage* covered, double area, float* means,
                       std::size_t n);
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
  // Counts the pixels of blocks of 1024 bytes into four tables of kLevels, every fourth pixel into
  // the same one, and beside that hashes as many blocks of each of at most two runs.
  void (*count_blocks)(const std::byte* pixels, std::size_t n_blocks, std::uint32_t* tables,
                       const HashRun* runs, std::size_t n_runs);
};

// The 192 bytes that XXH3 takes its keys from.
const std::byte* hash_secret();

// The kernels of the active instruction set; throws as active_isa() does.
const RowKernels& row_kernels();

// For tests: throws std::invalid_argument where `isa` is not available.
const RowKernels& row_kernels(Isa isa);

} // namespace kinfast
