#include "kinfast/illumination/correct.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "rows.hpp"

namespace kinfast {

void check_fields(const Field& flatfield, const Field& darkfield) {
  const auto check = [](const Field& field, const char* name, float above) {
    const auto cells = field.cells();
    const auto* end = cells.data + cells.pixels();
    const auto* bad = std::find_if(
        cells.data, end, [above](float cell) { return !std::isfinite(cell) || !(cell > above); });
    if (bad != end) {
      throw std::invalid_argument(std::string(name) + " has a cell of " + std::to_string(*bad) +
                                  ": wanted a finite number" + (above == 0.0F ? " above 0" : ""));
    }
  };
  check(flatfield, "flatfield", 0.0F);
  check(darkfield, "darkfield", -INFINITY);
}

void correct(ImageView<const std::uint16_t> raw, const Field& flatfield, const Field& darkfield,
             ImageView<float> out) {
  if (raw.shape != flatfield.image() || raw.shape != darkfield.image() || raw.shape != out.shape) {
    throw std::invalid_argument("a raw image of " + to_string(raw.shape) + " and fields of " +
                                to_string(flatfield.image()) + " and " +
                                to_string(darkfield.image()) + ": wanted one shape");
  }
  const RowKernels& kernels = row_kernels();
  Field::Rows flat(flatfield);
  Field::Rows dark(darkfield);
  for (std::size_t y = 0; y < raw.shape.height; ++y) {
    kernels.correct_row(raw.row(y), dark.row(y), flat.row(y), out.row(y), raw.shape.width);
  }
}

} // namespace kinfast
