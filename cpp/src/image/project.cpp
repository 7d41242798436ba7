#include "kinfast/image/project.hpp"

#include <stdexcept>

#include "rows.hpp"

namespace kinfast {

void max_project(ImageView<const std::uint16_t> plane, ImageView<std::uint16_t> into) {
  if (plane.shape != into.shape) {
    throw std::invalid_argument("a plane is " + to_string(plane.shape) + ", the first one " +
                                to_string(into.shape));
  }
  row_kernels().max_row(plane.data, into.data, plane.pixels());
}

} // namespace kinfast
