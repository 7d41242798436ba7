// Neighbouring pixels are alike, and two increments of one counter wait for each other; so
// neighbours are counted in different tables, which are added up at the end.
#include "kinfast/image/histogram.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace kinfast {
namespace {

constexpr std::size_t kTables = 4;

} // namespace

Histogram::Histogram() : tables_(kTables * kLevels) {}

void Histogram::count(std::span<const std::uint16_t> pixels) {
  if (pixels.size() > 0xFFFFFFFFU) {
    throw std::invalid_argument("a histogram of " + std::to_string(pixels.size()) +
                                " pixels: wanted fewer than 2^32");
  }
  std::fill(tables_.begin(), tables_.end(), 0U);
  std::uint32_t* const first = tables_.data();
  std::uint32_t* const second = first + kLevels;
  std::uint32_t* const third = second + kLevels;
  std::uint32_t* const fourth = third + kLevels;
  std::size_t i = 0;
  for (; i + kTables <= pixels.size(); i += kTables) {
    ++first[pixels[i]];
    ++second[pixels[i + 1]];
    ++third[pixels[i + 2]];
    ++fourth[pixels[i + 3]];
  }
  for (; i < pixels.size(); ++i) {
    ++first[pixels[i]];
  }
  for (std::size_t level = 0; level < kLevels; ++level) {
    first[level] += second[level] + third[level] + fourth[level];
  }
}

} // namespace kinfast
