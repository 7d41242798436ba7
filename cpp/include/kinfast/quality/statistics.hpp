// What is measured of one raw image, in counts: for flags, thresholds and baselines.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

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

// The levels that bound nearly all pixels, from a sample: the 0.1st and the 99.9th percentile (as
// above) of every n-th row from the first on, n = height / 64 rounded down, and 1 at least.
struct LevelRange {
  std::uint16_t low = 0;
  std::uint16_t high = 0;
};

// Measures images one after another in the same memory. One thread at a time.
class StatisticsMeter {
public:
  // Throws std::invalid_argument for an image without pixels.
  SiteStatistics measure(ImageView<const std::uint16_t> raw, std::uint16_t saturation_value);

  // The same in steps, so that rows are measured while they are in the cache for something else.
  // `raw` is the whole image each time. Throws as measure() does.
  void start(ImageView<const std::uint16_t> raw);
  // Takes rows begin .. end, each once and in order, and adds their bytes to at most two hashers,
  // which then cost next to nothing.
  void add_rows(ImageView<const std::uint16_t> raw, std::size_t begin, std::size_t end,
                std::span<Hasher* const> hashers = {});
  SiteStatistics finish(ImageView<const std::uint16_t> raw, std::uint16_t saturation_value);

private:
  LevelRange sample_range(ImageView<const std::uint16_t> raw);

  Histogram histogram_;
  std::vector<std::uint32_t> sampled_; // per level
  FocusMeter focus_;
};

} // namespace kinfast
