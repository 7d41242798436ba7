// The exact histogram of a 16-bit image.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kinfast/image/hash.hpp"

namespace kinfast {

inline constexpr std::size_t kLevels = 65536;

// Counts pixels per level; keeps its memory from image to image.
class Histogram {
public:
  Histogram();

  // Forgets all pixels.
  void clear();
  // Counts these pixels too. Throws std::invalid_argument where they are more than 2^32 - 1 in all.
  void add(std::span<const std::uint16_t> pixels);
  // The same, and adds their bytes to at most two hashers beside it, which costs next to nothing:
  // counting keeps one store unit busy and little else.
  void add(std::span<const std::uint16_t> pixels, std::span<Hasher* const> hashers);
  // Of all pixels since clear(), per level; valid until the next call.
  std::span<const std::uint32_t, kLevels> counts();

private:
  std::vector<std::uint32_t> tables_; // several side by side, to be added up
  std::size_t n_pixels_ = 0;
  bool added_up_ = false; // all in the first one
};

} // namespace kinfast
