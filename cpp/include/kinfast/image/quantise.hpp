// Float intensities to the eight bits of the store.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace kinfast {

// The intensities that become 0 and 255.
struct Window {
  float low = 0.0F;
  float high = 255.0F;
};

// Throws std::invalid_argument unless both ends are finite and low < high.
void check_window(const Window& window);

// out = (intensity - low) * (255 / (high - low)) in float32, clipped, rounded half to even; NaN
// gives 0. The scale is computed in double and rounded to float32.
void quantise(std::span<const float> intensities, const Window& window, std::uint8_t* out);

} // namespace kinfast
