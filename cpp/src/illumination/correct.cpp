#include "kinfast/illumination/correct.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

#include "rows.hpp"

namespace kinfast {
namespace {

template <typename Good>
void check_cells(ImageView<const float> cells, const char* name, const Good& good,
                 const char* wanted) {
  const float* end = cells.data + cells.pixels();
  const float* bad = std::find_if_not(cells.data, end, good);
  if (bad != end) {
    throw std::invalid_argument(std::string(name) + " has a cell of " + std::to_string(*bad) +
                                ": wanted a finite number" + wanted);
  }
}

} // namespace

Field gain_field(ImageView<const float> flatfield, Shape image) {
  const auto divides = [](float cell) {
    return std::isfinite(cell) && cell > 0.0F && std::isfinite(1.0F / cell);
  };
  check_cells(flatfield, "flatfield", divides, " above 0");
  ImageBuffer<float> gain(flatfield.shape);
  std::transform(flatfield.data, flatfield.data + flatfield.pixels(), gain.view().data,
                 [](float cell) { return 1.0F / cell; });
  return Field(std::as_const(gain).view(), image);
}

Field dark_field(ImageView<const float> darkfield, Shape image) {
  check_cells(darkfield, "darkfield", [](float cell) { return std::isfinite(cell); }, "");
  return Field(darkfield, image);
}

void correct(ImageView<const std::uint16_t> raw, const Field& gain, const Field& darkfield,
             ImageView<float> out) {
  if (raw.shape != gain.image() || raw.shape != darkfield.image() || raw.shape != out.shape) {
    throw std::invalid_argument("a raw image of " + to_string(raw.shape) + " and fields of " +
                                to_string(gain.image()) + " and " + to_string(darkfield.image()) +
                                ": wanted one shape");
  }
  const RowKernels& kernels = row_kernels();
  Field::Rows gains(gain);
  Field::Rows dark(darkfield);
  for (std::size_t y = 0; y < raw.shape.height; ++y) {
    kernels.correct_row(raw.row(y), dark.row(y), gains.row(y), out.row(y), raw.shape.width);
  }
}

} // namespace kinfast
