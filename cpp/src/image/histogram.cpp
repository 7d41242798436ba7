// Neighbouring pixels are alike, and two increments of one counter wait for each other; so
// neighbours are counted in different tables, which are added up at the end.
#include "kinfast/image/histogram.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

namespace kinfast {
namespace {

constexpr std::size_t kTables = 4;

} // namespace

Histogram::Histogram() : tables_(kTables * kLevels) {}

void Histogram::clear() {
  std::fill(tables_.begin(), tables_.end(), 0U);
  n_pixels_ = 0;
}

void Histogram::add(std::span<const std::uint16_t> pixels) {
  n_pixels_ += pixels.size();
  if (n_pixels_ > 0xFFFFFFFFU) {
    throw std::invalid_argument("a histogram of " + std::to_string(n_pixels_) +
                                " pixels: wanted fewer than 2^32");
  }
  std::uint32_t* const first = tables_.data();
  std::uint32_t* const second = first + kLevels;
  std::uint32_t* const third = second + kLevels;
  std::uint32_t* const fourth = third + kLevels;
  std::size_t i = 0;
  for (; i + kTables <= pixels.size(); i += kTables) {
    // One load for four pixels: the counters alone keep the load and store units busy.
    std::uint64_t four = 0;
    std::memcpy(&four, pixels.data() + i, sizeof four);
    ++first[four & 0xFFFFU];
    ++second[(four >> 16) & 0xFFFFU];
    ++third[(four >> 32) & 0xFFFFU];
    ++fourth[four >> 48];
  }
  for (; i < pixels.size(); ++i) {
    ++first[pixels[i]];
  }
}

std::span<const std::uint32_t, kLevels> Histogram::counts() {
  std::uint32_t* const first = tables_.data();
  for (std::size_t table = 1; table < kTables; ++table) {
    std::uint32_t* const other = first + table * kLevels;
    for (std::size_t level = 0; level < kLevels; ++level) {
      first[level] += other[level];
      other[level] = 0;
    }
  }
  return std::span<const std::uint32_t, kLevels>(first, kLevels);
}

} // namespace kinfast
