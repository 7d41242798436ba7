// Undoes predictors, in place, row by row.
#pragma once

#include <cstddef>
#include <span>

namespace kinfast::tiff {

// Predictor 2: each sample of a row was stored as its difference from the same sample of the pixel
// to the left, modulo the sample's size. `row` holds native integers of `bytes_per_sample` (1, 2,
// 4, 8), or floats whose bits count as such.
void undo_horizontal(std::span<std::byte> row, std::size_t samples, unsigned bytes_per_sample);

// Predictor 3: the bytes of a row's floats were stored by significance, all the highest ones first
// whatever the file's byte order, and then differenced. Leaves native floats. `scratch` is as long
// as `row`.
void undo_floating_point(std::span<std::byte> row, std::size_t samples, unsigned bytes_per_sample,
                         std::span<std::byte> scratch);

} // namespace kinfast::tiff
