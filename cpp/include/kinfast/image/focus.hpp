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

class FocusMeter {
public:
  // `base` and `top` bound nearly all pixels: the 0.1st and the 99.9th percentile. What noise may
  // have added is taken off (two standard errors of the numerator), so that a dim blurred image
  // never looks sharp. Gives 0 where no structure stands out from noise (four standard errors of
  // the denominator), and for an image under 6 x 4 pixels.
  double measure(ImageView<const std::uint16_t> raw, std::uint16_t base, std::uint16_t top);

  // Standard deviation of a pixel of the image that was measured last, counts, as it shows in what
  // two neighbouring rows do not share: the camera's noise, and of sharp images the finest
  // structure too. 0 where measure() gave 0 for the image's size.
  double noise() const { return noise_; }

private:
  double noise_ = 0.0;
  std::vector<std::int16_t> above_;
  std::vector<std::int16_t> row_;
};

} // namespace kinfast
