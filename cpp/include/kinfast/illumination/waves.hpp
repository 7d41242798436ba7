// Cosine waves (DCT-II, orthonormal) of a small grid, as two matrix products in a fixed order.
#pragma once

#include <cstddef>
#include <vector>

#include "kinfast/image/view.hpp"

namespace kinfast {

class CosineWaves {
public:
  explicit CosineWaves(Shape grid);

  // Draws every wave of `values` but the mean towards zero by `times` the waves' mean size: noise
  // is in all of them, a smooth field in few. `values` has grid.pixels() elements.
  void denoise(std::vector<double>& values, double times);
  std::size_t state_bytes() const;

private:
  Shape grid_;
  // Matrices of waves by positions or turned, as each product needs them.
  std::vector<double> down_, down_back_, across_back_, across_;
  std::vector<double> spectrum_, half_; // scratch
};

} // namespace kinfast
