#include "bind.hpp"

#include <algorithm>
#include <string>

#include "arrays.hpp"
#include "kinfast/image/hash.hpp"
#include "kinfast/image/histogram.hpp"
#include "kinfast/image/project.hpp"
#include "kinfast/image/quantise.hpp"
#include "kinfast/image/resize.hpp"

namespace py = pybind11;
using namespace py::literals;

namespace kinfast::bindings {
namespace {

std::uint64_t hash_array(const py::array& data) {
  if ((data.flags() & py::array::c_style) == 0) {
    throw py::type_error("hash_bytes takes an array in C order");
  }
  const std::span bytes(static_cast<const std::byte*>(data.data()),
                        static_cast<std::size_t>(data.nbytes()));
  const py::gil_scoped_release release;
  return hash_bytes(bytes);
}

std::uint64_t hash_python_bytes(const py::bytes& data) {
  const auto text = static_cast<std::string_view>(data);
  const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
  const py::gil_scoped_release release;
  return hash_bytes(bytes);
}

CArray<std::uint16_t> max_project_planes(const py::sequence& planes) {
  if (planes.empty()) {
    throw py::value_error("max_project of no plane: wanted at least one");
  }
  std::vector<CArray<std::uint16_t>> arrays;
  std::vector<ImageView<const std::uint16_t>> views;
  for (const py::handle plane : planes) {
    if (!py::isinstance<CArray<std::uint16_t>>(plane)) {
      throw py::type_error("max_project takes uint16 arrays in C order");
    }
    arrays.push_back(py::reinterpret_borrow<CArray<std::uint16_t>>(plane));
    views.push_back(image_view(arrays.back(), "a plane"));
  }
  auto out = new_image<std::uint16_t>(views.front().shape);
  const auto into = mutable_view(out);
  const py::gil_scoped_release release; // below this line no Python object is touched
  std::copy_n(views.front().data, into.pixels(), into.data);
  for (std::size_t i = 1; i < views.size(); ++i) {
    max_project(views[i], into);
  }
  return out;
}

CArray<float> resize(const CArray<float>& image, std::size_t height, std::size_t width) {
  const auto from = image_view(image, "image");
  auto out = new_image<float>({height, width});
  const auto to = mutable_view(out);
  const py::gil_scoped_release release;
  area_resize(from, to);
  return out;
}

CArray<std::uint8_t> quantise_image(const CArray<float>& image, double low, double high) {
  const auto from = image_view(image, "image");
  auto out = new_image<std::uint8_t>(from.shape);
  std::uint8_t* to = out.mutable_data();
  const py::gil_scoped_release release;
  quantise({from.data, from.pixels()}, {static_cast<float>(low), static_cast<float>(high)}, to);
  return out;
}

CArray<std::uint32_t> count_levels(const CArray<std::uint16_t>& raw) {
  const auto image = image_view(raw, "raw");
  CArray<std::uint32_t> out(static_cast<py::ssize_t>(kLevels));
  std::uint32_t* to = out.mutable_data();
  const py::gil_scoped_release release;
  Histogram histogram;
  histogram.add({image.data, image.pixels()});
  std::copy_n(histogram.counts().data(), kLevels, to);
  return out;
}

} // namespace

void bind_image(py::module_& module) {
  module.def("hash_bytes", &hash_python_bytes, "data"_a);
  module.def("hash_bytes", &hash_array, py::arg("data").noconvert());
  module.def("max_project", &max_project_planes, "planes"_a);
  module.def("area_resize", &resize, py::arg("image").noconvert(), "height"_a, "width"_a);
  module.def("quantise", &quantise_image, py::arg("image").noconvert(), "low"_a, "high"_a);
  module.def("histogram", &count_levels, py::arg("raw").noconvert());
}

} // namespace kinfast::bindings
