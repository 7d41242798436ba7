#include "kinfast/illumination/basic.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string>

namespace kinfast {
namespace {

// The paper's epsilon: a rest above a tenth of the baseline is a cell.
constexpr double kCell = 0.1;
// A rest below a fiftieth of the baseline is noise, and weighs no more the smaller it is.
constexpr double kNoise = 0.02;
// What the first pass has in their place: as good as least squares.
constexpr double kFirstCell = 30;
constexpr double kFirstNoise = 6;
constexpr int kBaselineSteps = 3;
// Baselines below a tenth of the images' level are taken to be that: a black image says nothing.
constexpr double kDimmest = 0.1;
// Pull of the dark-field towards the present one where images are too alike to tell.
constexpr double kRidge = 1e-3;
// Waves that lie within the noise: it is Gaussian, so this is 2.4 of its standard deviations.
constexpr double kSparsity = 3.0;
// A camera's dark-field is even but for a pattern that stands far out of the noise.
constexpr double kEvenness = 60.0;
constexpr double kTolerance = 1e-4; // mean change of the flat-field in a pass
constexpr double kFlattest = 0.05;

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// Of `dark + c * flat` gives the one that is most even: c is the baseline's own zero, which the
// images cannot tell from the offset.
void take_tilt_off(std::vector<double>& dark, const std::vector<double>& flat) {
  const double dark_mean = mean_of(dark);
  const double flat_mean = mean_of(flat);
  double product = 0;
  double square = 1e-12;
  for (std::size_t p = 0; p < dark.size(); ++p) {
    const double spread = flat[p] - flat_mean;
    product += spread * (dark[p] - dark_mean);
    square += spread * spread;
  }
  for (std::size_t p = 0; p < dark.size(); ++p) {
    dark[p] -= product / square * flat[p];
  }
}

} // namespace

BasicFitter::BasicFitter(Shape grid, bool darkfield)
    : grid_(grid), with_dark_(darkfield), waves_(grid), flat_(grid.pixels(), 1.0),
      dark_(grid.pixels(), 0.0), sums_(grid.pixels()), light_(grid.pixels()),
      scratch_(grid.pixels()) {
  if (grid.height < 2 || grid.width < 2) {
    throw std::invalid_argument("a field of " + to_string(grid) + " cells: wanted 2x2 or more");
  }
}

void BasicFitter::begin_pass() {
  const auto halved = [this](double first, double last) {
    return std::max(last,
                    std::ldexp(first, 1 - static_cast<int>(std::min<std::size_t>(passes_, 99))));
  };
  cell_ = halved(kFirstCell, kCell);
  noise_ = halved(kFirstNoise, kNoise);
  level_sum_ = 0;
  std::fill(sums_.begin(), sums_.end(), Sums{});
  added_ = 0;
}

void BasicFitter::add(ImageView<const float> image) {
  if (image.shape != grid_) {
    throw std::invalid_argument("an image of " + to_string(image.shape) + ": wanted " +
                                to_string(grid_));
  }
  if (!std::all_of(image.data, image.data + image.pixels(),
                   [](float count) { return std::isfinite(count); })) {
    throw std::invalid_argument("an image has a count that is not a finite number");
  }
  ++added_;
  if (passes_ == 0) {
    const double sum = std::accumulate(image.data, image.data + image.pixels(), 0.0);
    level_sum_ += sum / static_cast<double>(image.pixels());
    const double least = *std::min_element(image.data, image.data + image.pixels());
    darkest_ = added_ == 1 ? least : std::min(darkest_, least);
    return;
  }
  const double base = baseline(image);
  for (std::size_t p = 0; p < grid_.pixels(); ++p) {
    // Over base squared: the rest counts as a share of the image's own light.
    const double w = weight(light_[p] - base * flat_[p], base) / (base * base);
    const double count = image.data[p];
    Sums& sums = sums_[p];
    sums.one += w;
    sums.b += w * base;
    sums.bb += w * base * base;
    sums.i += w * count;
    sums.bi += w * base * count;
  }
}

double BasicFitter::weight(double rest, double base) const {
  const double size = std::abs(rest) / base;
  return 1.0 / ((size + cell_) * (size + noise_));
}

double BasicFitter::baseline(ImageView<const float> image) {
  for (std::size_t p = 0; p < grid_.pixels(); ++p) {
    light_[p] = image.data[p] - dark_[p];
    scratch_[p] = light_[p] / flat_[p];
  }
  const auto middle = scratch_.begin() + static_cast<std::ptrdiff_t>(scratch_.size() / 2);
  std::nth_element(scratch_.begin(), middle, scratch_.end());
  const double least = kDimmest * level_;
  double base = std::max(*middle, least);
  for (int step = 0; step < kBaselineSteps; ++step) {
    double product = 0;
    double square = 0;
    for (std::size_t p = 0; p < grid_.pixels(); ++p) {
      const double w = weight(light_[p] - base * flat_[p], base);
      product += w * flat_[p] * light_[p];
      square += w * flat_[p] * flat_[p];
    }
    base = std::max(product / square, least);
  }
  return base;
}

bool BasicFitter::end_pass() {
  if (added_ == 0) {
    throw std::logic_error("a pass without images");
  }
  ++passes_;
  if (passes_ == 1) {
    level_ = std::max(level_sum_ / static_cast<double>(added_), 1e-6);
    darkest_ = std::max(darkest_, 0.0);
    return false;
  }
  scratch_ = flat_;
  if (with_dark_) {
    solve_darkfield();
  }
  solve_flatfield();
  double change = 0;
  for (std::size_t p = 0; p < flat_.size(); ++p) {
    change += std::abs(flat_[p] - scratch_[p]);
  }
  const bool first_weights_are_over = cell_ <= kCell && noise_ <= kNoise;
  return first_weights_are_over && change / static_cast<double>(flat_.size()) < kTolerance;
}

// The line through a pixel's counts against the images' baselines: its slope is the flat-field,
// where it meets zero the dark-field.
void BasicFitter::solve_darkfield() {
  for (std::size_t p = 0; p < sums_.size(); ++p) {
    const Sums& sums = sums_[p];
    const double one = sums.one * (1 + kRidge);
    const double i = sums.i + kRidge * sums.one * dark_[p];
    const double determinant = sums.bb * one - sums.b * sums.b;
    flat_[p] = (sums.bi * one - sums.b * i) / determinant;
    dark_[p] = (sums.bb * i - sums.b * sums.bi) / determinant;
  }
  waves_.denoise(flat_, kSparsity);
  waves_.denoise(dark_, kSparsity);
  take_tilt_off(dark_, flat_);
  waves_.denoise(dark_, kEvenness);
  for (double& count : dark_) {
    count = std::clamp(count, 0.0, darkest_);
  }
}

void BasicFitter::solve_flatfield() {
  for (std::size_t p = 0; p < sums_.size(); ++p) {
    flat_[p] = (sums_[p].bi - sums_[p].b * dark_[p]) / sums_[p].bb;
  }
  waves_.denoise(flat_, kSparsity);
  const double mean = mean_of(flat_);
  if (!(mean > 0)) { // images without light
    std::fill(flat_.begin(), flat_.end(), 1.0);
    return;
  }
  for (double& share : flat_) {
    share = std::max(share / mean, kFlattest);
  }
  const double bounded = mean_of(flat_);
  for (double& share : flat_) {
    share /= bounded;
  }
}

std::size_t BasicFitter::state_bytes() const {
  const std::size_t numbers =
      flat_.capacity() + dark_.capacity() + light_.capacity() + scratch_.capacity();
  return sizeof(*this) + numbers * sizeof(double) + sums_.capacity() * sizeof(Sums) +
         waves_.state_bytes();
}

} // namespace kinfast
