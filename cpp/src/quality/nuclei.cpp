#include "kinfast/quality/nuclei.hpp"

#include <algorithm>
#include <cmath>

namespace kinfast {
namespace {

constexpr std::int32_t kStraight = 5 << 6; // six bits below, so that smoothing has room to round
constexpr std::int32_t kDiagonal = 7 << 6;
constexpr std::int32_t kFar = 1 << 28; // where no pixel of the image is background
constexpr std::uint32_t kUnseen = 0xFFFFFFFFU;
constexpr double kReach = 0.8;       // radii within which a summit swallows lower ones
constexpr double kSmoothing = 0.25;  // radii, standard deviation
constexpr double kMostPasses = 16.0; // of smoothing: a field that is one bright lump has no radius

// Calls `use` with each of the up to eight neighbours' offsets.
template <typename Use> void for_neighbours(Shape shape, std::uint32_t pixel, const Use& use) {
  const std::size_t y = pixel / shape.width;
  const std::size_t x = pixel % shape.width;
  const std::size_t bottom = std::min(y + 1, shape.height - 1);
  const std::size_t right = std::min(x + 1, shape.width - 1);
  for (std::size_t row = y - (y > 0 ? 1 : 0); row <= bottom; ++row) {
    for (std::size_t column = x - (x > 0 ? 1 : 0); column <= right; ++column) {
      use(static_cast<std::uint32_t>(row * shape.width + column));
    }
  }
}

} // namespace

NucleusCount NucleusCounter::count(ImageView<const float> image, float threshold,
                                   std::size_t min_area) {
  shape_ = image.shape;
  NucleusCount found;
  found.pixels = find_components(image, threshold, min_area);
  if (found.pixels == 0) {
    return found;
  }
  measure_distance();
  unsmoothed_ = distance_;
  const double size = radius(found.pixels);
  smooth(size);
  find_summits();
  found.nuclei = count_apart(size);
  return found;
}

std::size_t NucleusCounter::find_components(ImageView<const float> image, float threshold,
                                            std::size_t min_area) {
  labels_.assign(image.pixels(), 0);
  for (std::size_t i = 0; i < image.pixels(); ++i) {
    labels_[i] = image.data[i] > threshold ? kUnseen : 0;
  }
  std::size_t pixels = 0;
  std::uint32_t label = 0;
  for (std::size_t i = 0; i < image.pixels(); ++i) {
    if (labels_[i] != kUnseen) {
      continue;
    }
    flood(static_cast<std::uint32_t>(i), ++label);
    if (stack_.size() >= min_area) {
      pixels += stack_.size();
      continue;
    }
    for (const std::uint32_t pixel : stack_) {
      labels_[pixel] = 0;
    }
  }
  return pixels;
}

// Leaves the component's pixels in the stack.
void NucleusCounter::flood(std::uint32_t seed, std::uint32_t label) {
  stack_.assign(1, seed);
  labels_[seed] = label;
  for (std::size_t next = 0; next < stack_.size(); ++next) {
    for_neighbours(shape_, stack_[next], [&](std::uint32_t pixel) {
      if (labels_[pixel] == kUnseen) {
        labels_[pixel] = label;
        stack_.push_back(pixel);
      }
    });
  }
}

// Two sweeps; beyond the border the image goes on as it ends.
void NucleusCounter::measure_distance() {
  const auto width = static_cast<std::ptrdiff_t>(shape_.width);
  const auto height = static_cast<std::ptrdiff_t>(shape_.height);
  distance_.resize(shape_.pixels());
  for (std::size_t i = 0; i < distance_.size(); ++i) {
    distance_[i] = labels_[i] == 0 ? 0 : kFar;
  }
  const auto sweep = [&](std::ptrdiff_t y, std::ptrdiff_t x, std::ptrdiff_t before) {
    std::int32_t& here = distance_[static_cast<std::size_t>(y * width + x)];
    const auto offer = [&](std::ptrdiff_t row, std::ptrdiff_t column, std::int32_t step) {
      if (row >= 0 && row < height && column >= 0 && column < width) {
        here = std::min(here, distance_[static_cast<std::size_t>(row * width + column)] + step);
      }
    };
    offer(y, x + before, kStraight);
    offer(y + before, x, kStraight);
    offer(y + before, x - 1, kDiagonal);
    offer(y + before, x + 1, kDiagonal);
  };
  for (std::ptrdiff_t y = 0; y < height; ++y) {
    for (std::ptrdiff_t x = 0; x < width; ++x) {
      sweep(y, x, -1);
    }
  }
  for (std::ptrdiff_t y = height - 1; y >= 0; --y) {
    for (std::ptrdiff_t x = width - 1; x >= 0; --x) {
      sweep(y, x, 1);
    }
  }
}

double NucleusCounter::radius(std::size_t pixels) const {
  std::int64_t sum = 0;
  for (const std::int32_t distance : distance_) {
    sum += distance;
  }
  return 3.0 * static_cast<double>(sum) / static_cast<double>(pixels) / kStraight;
}

// Passes of 1 2 1 along rows and columns, each of variance one half; beyond the border the last
// pixel goes on.
void NucleusCounter::smooth(double radius) {
  const double sigma = kSmoothing * radius;
  const double passes = std::clamp(std::round(2.0 * sigma * sigma), 1.0, kMostPasses);
  const std::size_t width = shape_.width;
  scratch_.resize(distance_.size());
  for (int pass = 0; pass < static_cast<int>(passes); ++pass) {
    for (std::size_t y = 0; y < shape_.height; ++y) {
      const std::int32_t* row = distance_.data() + y * width;
      for (std::size_t x = 0; x < width; ++x) {
        scratch_[y * width + x] =
            (row[x > 0 ? x - 1 : 0] + 2 * row[x] + row[std::min(x + 1, width - 1)] + 2) >> 2;
      }
    }
    for (std::size_t y = 0; y < shape_.height; ++y) {
      const std::int32_t* row = scratch_.data() + y * width;
      const std::int32_t* above = y > 0 ? row - width : row;
      const std::int32_t* below = y + 1 < shape_.height ? row + width : row;
      for (std::size_t x = 0; x < width; ++x) {
        distance_[y * width + x] = (above[x] + 2 * row[x] + below[x] + 2) >> 2;
      }
    }
  }
}

void NucleusCounter::find_summits() {
  summits_.clear();
  for (std::uint32_t pixel = 0; pixel < labels_.size(); ++pixel) {
    if (labels_[pixel] == 0) {
      continue;
    }
    bool highest = true;
    for_neighbours(shape_, pixel, [&](std::uint32_t other) {
      highest = highest && distance_[other] <= distance_[pixel];
    });
    if (highest) {
      summits_.push_back({distance_[pixel], pixel});
    }
  }
  std::sort(summits_.begin(), summits_.end(), [](const Summit& one, const Summit& other) {
    return one.height != other.height ? one.height > other.height : one.pixel < other.pixel;
  });
}

std::size_t NucleusCounter::count_apart(double radius) {
  const double reach = std::max(1.5, kReach * radius);
  taken_.clear();
  std::size_t inside = 0;
  for (const Summit& summit : summits_) {
    const bool near = std::any_of(taken_.begin(), taken_.end(), [&](const Summit& other) {
      const double dy = static_cast<double>(summit.pixel / shape_.width) -
                        static_cast<double>(other.pixel / shape_.width);
      const double dx = static_cast<double>(summit.pixel % shape_.width) -
                        static_cast<double>(other.pixel % shape_.width);
      return labels_[summit.pixel] == labels_[other.pixel] && dy * dy + dx * dx <= reach * reach;
    });
    if (!near) {
      taken_.push_back(summit);
      inside += is_centre_outside(summit.pixel, reach) ? 0 : 1;
    }
  }
  return inside;
}

// Smoothing draws a summit near the border outwards: the unsmoothed distance tells.
bool NucleusCounter::is_centre_outside(std::uint32_t summit, double reach) const {
  if (!is_outermost(summit)) {
    return false;
  }
  const auto steps = static_cast<std::size_t>(reach);
  const std::size_t y = summit / shape_.width;
  const std::size_t x = summit % shape_.width;
  std::int32_t outermost = 0;
  std::int32_t inner = 0;
  for (std::size_t row = y - std::min(y, steps); row < std::min(y + steps + 1, shape_.height);
       ++row) {
    for (std::size_t column = x - std::min(x, steps);
         column < std::min(x + steps + 1, shape_.width); ++column) {
      const auto pixel = static_cast<std::uint32_t>(row * shape_.width + column);
      if (labels_[pixel] == labels_[summit]) {
        std::int32_t& highest = is_outermost(pixel) ? outermost : inner;
        highest = std::max(highest, unsmoothed_[pixel]);
      }
    }
  }
  return inner <= outermost;
}

bool NucleusCounter::is_outermost(std::uint32_t pixel) const {
  const std::size_t y = pixel / shape_.width;
  const std::size_t x = pixel % shape_.width;
  return y == 0 || x == 0 || y + 1 == shape_.height || x + 1 == shape_.width;
}

} // namespace kinfast
