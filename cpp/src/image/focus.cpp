#include "kinfast/image/focus.hpp"

#include <algorithm>
#include <cmath>

#include "rows.hpp"

namespace kinfast {
namespace {

constexpr std::size_t kSmallestWidth = 3; // of the binned image: one second difference
constexpr std::size_t kSmallestHeight = 2;
constexpr int kLevelBits = 10;
constexpr double kSlopeErrors = 4.0;     // standard errors that slopes must stand out by
constexpr double kCurvatureErrors = 2.0; // and that are taken off the curvature

int level_shift(std::uint16_t base, std::uint16_t top) {
  const int range = top > base ? top - base : 0;
  int shift = 0;
  while ((range >> shift) >= (1 << kLevelBits)) {
    ++shift;
  }
  return shift;
}

// Of noise with variance v, sum d d' over n places has the standard error sqrt(6 n) v, and sum c c'
// sqrt(70 n) v, neighbouring differences being correlated; and sum d d is 2 n v.
double focus_of(const FocusSums& sums, double n_products) {
  const auto slope = static_cast<double>(sums.slope);
  const double noise = std::max(static_cast<double>(sums.energy) - slope, 0.0) / 2.0;
  const double per_root = noise / std::sqrt(n_products);
  if (slope <= kSlopeErrors * (std::sqrt(6.0) * per_root)) {
    return 0.0;
  }
  const double curvature =
      static_cast<double>(sums.curvature) - kCurvatureErrors * (std::sqrt(70.0) * per_root);
  // Four: the central difference spans two pixels, and counts twice.
  return std::max(4.0 * curvature / slope, 0.0);
}

} // namespace

void FocusMeter::start(Shape raw, std::uint16_t base, std::uint16_t top) {
  binned_ = {raw.height / 2, raw.width / 2};
  if (binned_.width < kSmallestWidth || binned_.height < kSmallestHeight) {
    binned_ = {};
  }
  base_ = base;
  shift_ = level_shift(base, top);
  next_ = 0;
  total_ = {};
  above_.resize(binned_.width);
  row_.resize(binned_.width);
}

void FocusMeter::add_rows(ImageView<const std::uint16_t> raw, std::size_t end) {
  const RowKernels& kernels = row_kernels();
  for (; next_ < std::min(binned_.height, end / 2); ++next_) {
    kernels.bin_row(raw.row(2 * next_), raw.row(2 * next_ + 1), base_, shift_, row_.data(),
                    binned_.width);
    if (next_ > 0) {
      const FocusSums sums = kernels.focus_row(above_.data(), row_.data(), binned_.width);
      total_.curvature += sums.curvature;
      total_.slope += sums.slope;
      total_.energy += sums.energy;
    }
    above_.swap(row_);
  }
}

double FocusMeter::finish() {
  noise_ = 0.0;
  if (binned_.pixels() == 0) {
    return 0.0;
  }
  const auto n_products = static_cast<double>((binned_.height - 1) * (binned_.width - 2));
  // A binned pixel is half the sum of four: its variance is a pixel's, and sum d d is 2 n v.
  const double excess = std::max(static_cast<double>(total_.energy - total_.slope), 0.0);
  noise_ = std::sqrt(excess / (2.0 * n_products)) * static_cast<double>(1 << shift_);
  return focus_of(total_, n_products);
}

double FocusMeter::measure(ImageView<const std::uint16_t> raw, std::uint16_t base,
                           std::uint16_t top) {
  start(raw.shape, base, top);
  add_rows(raw, raw.shape.height);
  return finish();
}

} // namespace kinfast
