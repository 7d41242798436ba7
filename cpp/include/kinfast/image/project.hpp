// Maximum projection of the planes of a Z stack.
#pragma once

#include <cstdint>

#include "kinfast/image/view.hpp"

namespace kinfast {

// into = max(into, plane), pixel by pixel. Throws std::invalid_argument where the shapes differ.
void max_project(ImageView<const std::uint16_t> plane, ImageView<std::uint16_t> into);

} // namespace kinfast
