// Illumination correction: (raw - darkfield) / flatfield, in float32.
//
// The division is done once for each cell of the flat-field's grid. A pixel is multiplied by its
// gain, which is the blend of the reciprocals of the cells around it: between two cells that differ
// by a share d of their mean, that is d^2 / 4 at most above the reciprocal of their blend. So the
// flat-field of a pixel is 1 over its gain.
#pragma once

#include <cstdint>

#include "kinfast/illumination/field.hpp"
#include "kinfast/image/view.hpp"

namespace kinfast {

// 1 / flatfield, laid out for images. Throws std::invalid_argument unless every cell is a finite
// number above zero, and so is its reciprocal.
Field gain_field(ImageView<const float> flatfield, Shape image);

// The dark-field, laid out. Throws std::invalid_argument unless every cell is finite.
Field dark_field(ImageView<const float> darkfield, Shape image);

// out = (raw - darkfield) * gain; below zero is kept. All shapes are the fields' image().
void correct(ImageView<const std::uint16_t> raw, const Field& gain, const Field& darkfield,
             ImageView<float> out);

} // namespace kinfast
