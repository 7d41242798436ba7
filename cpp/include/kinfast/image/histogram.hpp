// The exact histogram of a 16-bit image.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace kinfast {

inline constexpr std::size_t kLevels = 65536;

// Counts pixels per level; keeps its memory from image to image.
class Histogram {
public:
  Histogram();

  // Replaces the counts by those of `pixels` (at most 2^32 - 1 of them).
  void count(std::span<const std::uint16_t> pixels);

  std::span<const std::uint32_t, kLevels> counts() const {
    return std::span<const std::uint32_t, kLevels>(tables_.data(), kLevels);
  }

private:
  std::vector<std::uint32_t> tables_; // several side by side; the first holds the sum
};

} // namespace kinfast
