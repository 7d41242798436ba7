// Counting bright objects: nuclei.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kinfast/image/view.hpp"

namespace kinfast {

struct ComponentCount {
  std::size_t components = 0;
  std::size_t pixels = 0; // in them
};

// Counts in the same memory, image after image. One thread at a time.
class ComponentCounter {
public:
  // 8-connected components of pixels above `threshold` that have at least `min_area` pixels.
  ComponentCount count(ImageView<const float> image, float threshold, std::size_t min_area);

private:
  // A stretch of pixels above the threshold in one row, and its set in the union-find forest.
  struct Run {
    std::uint32_t begin;
    std::uint32_t end; // one past the last
    std::uint32_t set;
  };

  void find_runs(const float* row, std::size_t width, float threshold);
  void join_rows();
  std::uint32_t root(std::uint32_t set);
  void join(std::uint32_t one, std::uint32_t other);

  std::vector<Run> above_;
  std::vector<Run> row_;
  std::vector<std::uint32_t> parents_;
  std::vector<std::size_t> areas_; // of the set that a root stands for
};

} // namespace kinfast
