// What is measured of one raw image, in counts: for flags, thresholds and baselines.
#pragma once

#include <array>
#include <cstdint>

#include "kinfast/image/focus.hpp"
#include "kinfast/image/histogram.hpp"
#include "kinfast/image/view.hpp"

namespace kinfast {

inline constexpr std::array<double, 9> kStatisticPercentiles{0.1,  1.0,  5.0,  25.0, 50.0,
                                                             75.0, 95.0, 99.0, 99.9};

struct SiteStatistics {
  std::uint16_t minimum = 0;
  std::uint16_t maximum = 0;
  double mean = 0.0;
  double std = 0.0; // of the population
  // At kStatisticPercentiles: the smallest level with the asked share of pixels at or below it,
  // which is NumPy's method 'lower'.
  std::array<double, kStatisticPercentiles.size()> percentiles{};
  double saturated_fraction = 0.0; // of pixels at or above the saturation value
  double focus = 0.0;              // see focus.hpp
  double noise = 0.0;              // see focus.hpp
  // Smallest distance of two levels that occur, between the 1st and the 99th percentile: 1 for
  // what a camera gave, 16 where twelve bits were blown up to sixteen; 0 for fewer than two levels.
  std::uint16_t level_step = 0;
};

// Measures images one after another in the same memory. One thread at a time.
class StatisticsMeter {
public:
  // Throws std::invalid_argument for an image without pixels.
  SiteStatistics measure(ImageView<const std::uint16_t> raw, std::uint16_t saturation_value);

  // The same in steps, so that rows can be counted while they are in the cache for something else:
  // start, add every row once, then finish with the whole image.
  void start() { histogram_.clear(); }
  void add(std::span<const std::uint16_t> pixels) { histogram_.add(pixels); }
  SiteStatistics finish(ImageView<const std::uint16_t> raw, std::uint16_t saturation_value);

private:
  Histogram histogram_;
  FocusMeter focus_;
};

} // namespace kinfast
