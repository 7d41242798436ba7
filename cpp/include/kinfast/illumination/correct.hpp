// Illumination correction: (raw - darkfield) / flatfield, in float32.
#pragma once

#include <cstdint>

#include "kinfast/illumination/field.hpp"
#include "kinfast/image/view.hpp"

namespace kinfast {

// Throws std::invalid_argument unless every cell of the flat-field is finite and above zero, and
// every cell of the dark-field finite.
void check_fields(const Field& flatfield, const Field& darkfield);

// out = (raw - darkfield) / flatfield; below zero is kept. All shapes are the fields' image().
void correct(ImageView<const std::uint16_t> raw, const Field& flatfield, const Field& darkfield,
             ImageView<float> out);

} // namespace kinfast
