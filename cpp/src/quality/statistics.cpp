#include "kinfast/quality/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace kinfast {
namespace {

using Counts = std::span<const std::uint32_t, kLevels>;

void set_range(Counts counts, SiteStatistics& statistics) {
  std::size_t level = 0;
  while (counts[level] == 0) {
    ++level;
  }
  statistics.minimum = static_cast<std::uint16_t>(level);
  level = kLevels - 1;
  while (counts[level] == 0) {
    --level;
  }
  statistics.maximum = static_cast<std::uint16_t>(level);
}

// Two-pass, over levels instead of pixels: the mean from an exact integer sum, then the squared
// deviations.
void set_moments(Counts counts, std::size_t n_pixels, SiteStatistics& statistics) {
  std::uint64_t sum = 0; // at most 2^32 pixels of 16 bits
  for (std::size_t level = statistics.minimum; level <= statistics.maximum; ++level) {
    sum += counts[level] * std::uint64_t{level};
  }
  statistics.mean = static_cast<double>(sum) / static_cast<double>(n_pixels);
  double squares = 0.0;
  for (std::size_t level = statistics.minimum; level <= statistics.maximum; ++level) {
    const double deviation = static_cast<double>(level) - statistics.mean;
    squares += counts[level] * (deviation * deviation);
  }
  statistics.std = std::sqrt(squares / static_cast<double>(n_pixels));
}

std::uint64_t rank_of(double percentile, std::size_t n_pixels) {
  return static_cast<std::uint64_t>(
      std::floor(static_cast<double>(n_pixels - 1) * (percentile / 100.0)));
}

void set_percentiles(Counts counts, std::size_t n_pixels, SiteStatistics& statistics) {
  std::size_t level = statistics.minimum;
  std::uint64_t at_or_below = counts[level];
  for (std::size_t i = 0; i < kStatisticPercentiles.size(); ++i) {
    const std::uint64_t rank = rank_of(kStatisticPercentiles[i], n_pixels);
    while (at_or_below <= rank) {
      at_or_below += counts[++level];
    }
    statistics.percentiles[i] = static_cast<double>(level);
  }
}

double saturated_fraction(Counts counts, std::size_t n_pixels, std::uint16_t saturation_value) {
  std::uint64_t saturated = 0;
  for (std::size_t level = saturation_value; level < kLevels; ++level) {
    saturated += counts[level];
  }
  return static_cast<double>(saturated) / static_cast<double>(n_pixels);
}

std::uint16_t smallest_step(Counts counts, std::size_t low, std::size_t high) {
  std::size_t step = 0;
  std::size_t last = low;
  for (std::size_t level = low + 1; level <= high && step != 1; ++level) {
    if (counts[level] != 0) {
      step = step == 0 ? level - last : std::min(step, level - last);
      last = level;
    }
  }
  return static_cast<std::uint16_t>(step);
}

} // namespace

LevelRange StatisticsMeter::sample_range(ImageView<const std::uint16_t> raw) {
  constexpr std::size_t kRows = 64;
  sampled_.assign(kLevels, 0);
  std::size_t n_pixels = 0;
  for (std::size_t y = 0; y < raw.shape.height;
       y += std::max<std::size_t>(1, raw.shape.height / kRows)) {
    for (const std::uint16_t pixel : std::span(raw.row(y), raw.shape.width)) {
      ++sampled_[pixel];
    }
    n_pixels += raw.shape.width;
  }
  const std::uint64_t below = rank_of(kStatisticPercentiles.front(), n_pixels);
  const std::uint64_t above = n_pixels - 1 - rank_of(kStatisticPercentiles.back(), n_pixels);
  std::size_t low = 0;
  for (std::uint64_t passed = sampled_[0]; passed <= below; passed += sampled_[low]) {
    ++low;
  }
  std::size_t high = kLevels - 1;
  for (std::uint64_t passed = sampled_[high]; passed <= above; passed += sampled_[high]) {
    --high;
  }
  return {static_cast<std::uint16_t>(low), static_cast<std::uint16_t>(high)};
}

void StatisticsMeter::start(ImageView<const std::uint16_t> raw) {
  if (raw.pixels() == 0) {
    throw std::invalid_argument("an image of " + to_string(raw.shape) + ": wanted a pixel");
  }
  histogram_.clear();
  const LevelRange range = sample_range(raw);
  focus_.start(raw.shape, range.low, range.high);
}

void StatisticsMeter::add_rows(ImageView<const std::uint16_t> raw, std::size_t begin,
                               std::size_t end, std::span<Hasher* const> hashers) {
  histogram_.add(std::span(raw.row(begin), (end - begin) * raw.shape.width), hashers);
  focus_.add_rows(raw, end);
}

SiteStatistics StatisticsMeter::finish(ImageView<const std::uint16_t> raw,
                                       std::uint16_t saturation_value) {
  const std::size_t n_pixels = raw.pixels();
  const Counts counts = histogram_.counts();
  SiteStatistics statistics;
  set_range(counts, statistics);
  set_moments(counts, n_pixels, statistics);
  set_percentiles(counts, n_pixels, statistics);
  statistics.saturated_fraction = saturated_fraction(counts, n_pixels, saturation_value);
  statistics.level_step = smallest_step(counts, static_cast<std::size_t>(statistics.percentiles[1]),
                                        static_cast<std::size_t>(statistics.percentiles[7]));
  statistics.focus = focus_.finish();
  statistics.noise = focus_.noise();
  return statistics;
}

SiteStatistics StatisticsMeter::measure(ImageView<const std::uint16_t> raw,
                                        std::uint16_t saturation_value) {
  start(raw);
  add_rows(raw, 0, raw.shape.height);
  return finish(raw, saturation_value);
}

} // namespace kinfast
