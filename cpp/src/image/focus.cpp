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

double FocusMeter::measure(ImageView<const std::uint16_t> raw, std::uint16_t base,
                           std::uint16_t top) {
  const std::size_t width = raw.shape.width / 2;
  const std::size_t height = raw.shape.height / 2;
  noise_ = 0.0;
  if (width < kSmallestWidth || height < kSmallestHeight) {
    return 0.0;
  }
  const RowKernels& kernels = row_kernels();
  const int shift = level_shift(base, top);
  above_.resize(width);
  row_.resize(width);
  FocusSums total;
  for (std::size_t y = 0; y < height; ++y) {
    kernels.bin_row(raw.row(2 * y), raw.row(2 * y + 1), base, shift, row_.data(), width);
    if (y > 0) {
      const FocusSums sums = kernels.focus_row(above_.data(), row_.data(), width);
      total.curvature += sums.curvature;
      total.slope += sums.slope;
      total.energy += sums.energy;
    }
    above_.swap(row_);
  }
  const auto n_products = static_cast<double>((height - 1) * (width - 2));
  // A binned pixel is half the sum of four: its variance is a pixel's, and sum d d is 2 n v.
  const double excess = std::max(static_cast<double>(total.energy - total.slope), 0.0);
  noise_ = std::sqrt(excess / (2.0 * n_products)) * static_cast<double>(1 << shift);
  return focus_of(total, n_products);
}

} // namespace kinfast
