// How sharp an image is, whatever its exposure, its offset, its noise and the number of its cells.
//
// With d the central difference along a row and c the second difference, focus is
//     sum c(y) c(y + 1) / sum d(y) d(y + 1)
// over a 2 x 2 binned image: the energy of fine structure over that of coarser structure, which is
// the mean squared angular frequency (radians per binned pixel, as 2 tan(w / 2)), weighted by the
// energy of the slopes. A blur of s binned pixels brings it down to the order of 1 / s^2. Gain
// cancels in the ratio, an offset in the differences, and the number of cells in both sums; and
// because each product takes its two factors from different rows, pixel noise, which no two rows
// share, averages to zero, where it would rule a Laplacian's variance.
// All sums are of integers: pixels are taken above `base`, shifted right until `top` fits into ten
// bits, and capped there, so that a hot pixel weighs no more than a bright cell.
#pragma once

#include <cstdint>
#include <vector>

#include "kinfast/image/view.hpp"

namespace kinfast {

// Sums over pairs of neighbouring rows of a binned image.
struct FocusSums {
  std::int64_t curvature = 0; // second difference times that of the row above
  std::int64_t slope = 0;     // central difference times that of the row above
  std::int64_t energy = 0;    // central difference squared
};

class FocusMeter {
public:
  // `base` and `top` bound nearly all pixels; see sample_range. What noise may have added is taken
  // off (two standard errors of the numerator), so that a dim blurred image never looks sharp.
  // Gives 0 where no structure stands out from noise (four standard errors of the denominator), and
  // for an image under 6 x 4 pixels.
  double measure(ImageView<const std::uint16_t> raw, std::uint16_t base, std::uint16_t top);

  // The same in steps, so that rows can be measured while they are in the cache for something else.
  void start(Shape raw, std::uint16_t base, std::uint16_t top);
  // Takes the rows before `end` that were not taken yet. `raw` is the whole image.
  void add_rows(ImageView<const std::uint16_t> raw, std::size_t end);
  double finish();

  // Standard deviation of a pixel of the image that was measured last, counts, as it shows in what
  // two neighbouring rows do not share: the camera's noise, and of sharp images the finest
  // structure too. 0 where measure() gave 0 for the image's size.
  double noise() const { return noise_; }

private:
  Shape binned_; // 0x0 for an image that is too small
  std::uint16_t base_ = 0;
  int shift_ = 0;
  std::size_t next_ = 0; // binned row
  FocusSums total_;
  double noise_ = 0.0;
  std::vector<std::int16_t> above_;
  std::vector<std::int16_t> row_;
};

} // namespace kinfast
