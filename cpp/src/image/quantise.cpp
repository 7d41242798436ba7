#include "kinfast/image/quantise.hpp"

#include <cmath>
#include <stdexcept>
#include <string>

#include "rows.hpp"

namespace kinfast {

void check_window(const Window& window) {
  if (!std::isfinite(window.low) || !std::isfinite(window.high) || !(window.low < window.high)) {
    throw std::invalid_argument("window [" + std::to_string(window.low) + ", " +
                                std::to_string(window.high) + "]: wanted finite low < high");
  }
}

void quantise(std::span<const float> intensities, const Window& window, std::uint8_t* out) {
  check_window(window);
  const auto scale = static_cast<float>(255.0 / (double{window.high} - double{window.low}));
  row_kernels().quantise_row(intensities.data(), window.low, scale, out, intensities.size());
}

} // namespace kinfast
