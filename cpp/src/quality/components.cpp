// Runs instead of pixels: a row's stretches above the threshold are joined with those of the row
// above that they touch, corners included, in a union-find forest.
#include "kinfast/quality/components.hpp"

#include <utility>

namespace kinfast {

ComponentCount ComponentCounter::count(ImageView<const float> image, float threshold,
                                       std::size_t min_area) {
  above_.clear();
  parents_.clear();
  areas_.clear();
  for (std::size_t y = 0; y < image.shape.height; ++y) {
    find_runs(image.row(y), image.shape.width, threshold);
    join_rows();
    above_.swap(row_);
  }
  ComponentCount found;
  for (std::uint32_t set = 0; set < parents_.size(); ++set) {
    if (parents_[set] == set && areas_[set] >= min_area) {
      ++found.components;
      found.pixels += areas_[set];
    }
  }
  return found;
}

void ComponentCounter::find_runs(const float* row, std::size_t width, float threshold) {
  row_.clear();
  std::size_t x = 0;
  while (x < width) {
    if (!(row[x] > threshold)) {
      ++x;
      continue;
    }
    const std::size_t begin = x;
    while (x < width && row[x] > threshold) {
      ++x;
    }
    const auto set = static_cast<std::uint32_t>(parents_.size());
    parents_.push_back(set);
    areas_.push_back(x - begin);
    row_.push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(x), set});
  }
}

void ComponentCounter::join_rows() {
  std::size_t first = 0;
  for (const Run& run : row_) {
    // Runs touch where their ends overlap by a pixel more on either side: corners count.
    while (first < above_.size() && above_[first].end < run.begin) {
      ++first;
    }
    for (std::size_t i = first; i < above_.size() && above_[i].begin <= run.end; ++i) {
      join(above_[i].set, run.set);
    }
  }
}

std::uint32_t ComponentCounter::root(std::uint32_t set) {
  while (parents_[set] != set) {
    parents_[set] = parents_[parents_[set]];
    set = parents_[set];
  }
  return set;
}

void ComponentCounter::join(std::uint32_t one, std::uint32_t other) {
  one = root(one);
  other = root(other);
  if (one == other) {
    return;
  }
  if (areas_[one] < areas_[other]) {
    std::swap(one, other);
  }
  parents_[other] = one;
  areas_[one] += areas_[other];
}

} // namespace kinfast
