#include "bind.hpp"

#include <pybind11/stl.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "arrays.hpp"
#include "kinfast/illumination/basic.hpp"
#include "kinfast/illumination/correct.hpp"
#include "kinfast/illumination/likelihood.hpp"
#include "kinfast/site/sample.hpp"

namespace py = pybind11;
using namespace py::literals;

namespace kinfast::bindings {
namespace {

CArray<float> expand(const CArray<float>& grid, std::size_t height, std::size_t width) {
  const auto cells = image_view(grid, "grid");
  auto out = new_image<float>({height, width});
  const auto to = mutable_view(out);
  const py::gil_scoped_release release;
  expand_field(cells, to);
  return out;
}

CArray<float> correct_image(const CArray<std::uint16_t>& raw, const CArray<float>& flatfield,
                            const CArray<float>& darkfield) {
  const auto from = image_view(raw, "raw");
  const auto flat_cells = image_view(flatfield, "flatfield");
  const auto dark_cells = image_view(darkfield, "darkfield");
  auto out = new_image<float>(from.shape);
  const auto to = mutable_view(out);
  const py::gil_scoped_release release;
  correct(from, gain_field(flat_cells, from.shape), dark_field(dark_cells, from.shape), to);
  return out;
}

FieldSample sample(const std::vector<std::vector<std::string>>& sources, std::size_t grid_side,
                   std::size_t stride,
                   const std::optional<std::pair<std::size_t, std::size_t>>& shape, int threads) {
  std::optional<Shape> wanted;
  if (shape) {
    wanted = Shape{shape->first, shape->second};
  }
  const py::gil_scoped_release release; // below this line no Python object is touched
  return sample_field(sources, grid_side, stride, wanted, threads);
}

// An array over memory that belongs to the sample `self`, and keeps it alive.
template <typename T>
CArray<T> borrow(const py::object& self, const std::vector<T>& values,
                 std::vector<std::size_t> shape) {
  return CArray<T>(std::move(shape), values.data(), self);
}

CArray<float> as_image(const std::vector<double>& values, Shape shape) {
  auto out = new_image<float>(shape);
  std::transform(values.begin(), values.end(), out.mutable_data(),
                 [](double value) { return static_cast<float>(value); });
  return out;
}

void bind_basic(py::module_& module) {
  py::class_<BasicFitter>(module, "BasicFitter")
      .def(py::init([](std::size_t height, std::size_t width, bool darkfield) {
             return BasicFitter({height, width}, darkfield);
           }),
           "height"_a, "width"_a, "darkfield"_a)
      .def("begin_pass", &BasicFitter::begin_pass)
      .def(
          "add",
          [](BasicFitter& fitter, const CArray<float>& image) {
            const auto cells = image_view(image, "image");
            const py::gil_scoped_release release;
            fitter.add(cells);
          },
          py::arg("image").noconvert())
      .def("end_pass", &BasicFitter::end_pass, py::call_guard<py::gil_scoped_release>())
      .def_property_readonly(
          "flatfield",
          [](const BasicFitter& fitter) { return as_image(fitter.flatfield(), fitter.grid()); })
      .def_property_readonly(
          "darkfield",
          [](const BasicFitter& fitter) { return as_image(fitter.darkfield(), fitter.grid()); })
      .def_property_readonly("state_bytes", &BasicFitter::state_bytes);
}

SmoothFit fit_from(const CArray<float>& levels, const CArray<double>& terms) {
  return {{levels.data(), levels.data() + levels.size()},
          {terms.data(), terms.data() + terms.size()}};
}

py::tuple climb(const CArray<float>& logs, const CArray<double>& basis,
                const CArray<double>& inverse, const std::vector<double>& bandwidths,
                const CArray<float>& levels, const CArray<double>& terms) {
  const LogImages images{image_view(logs, "logs"), image_view(basis, "basis"),
                         image_view(inverse, "inverse")};
  SmoothFit fit = fit_from(levels, terms);
  {
    const py::gil_scoped_release release;
    climb_likelihood(images, bandwidths, fit);
  }
  return py::make_tuple(CArray<float>(fit.levels.size(), fit.levels.data()),
                        CArray<double>(fit.terms.size(), fit.terms.data()));
}

CArray<double> pulls(const CArray<float>& logs, const CArray<double>& basis,
                     const CArray<double>& inverse, double bandwidth, const CArray<float>& levels,
                     const CArray<double>& terms) {
  const LogImages images{image_view(logs, "logs"), image_view(basis, "basis"),
                         image_view(inverse, "inverse")};
  const SmoothFit fit = fit_from(levels, terms);
  auto out = new_image<double>({images.logs.shape.height, images.basis.shape.width});
  const auto to = mutable_view(out);
  const py::gil_scoped_release release;
  image_pulls(images, bandwidth, fit, to);
  return out;
}

void bind_likelihood(py::module_& module) {
  module.def("climb_likelihood", &climb, py::arg("logs").noconvert(), py::arg("basis").noconvert(),
             py::arg("inverse").noconvert(), "bandwidths"_a, py::arg("levels").noconvert(),
             py::arg("terms").noconvert());
  module.def("image_pulls", &pulls, py::arg("logs").noconvert(), py::arg("basis").noconvert(),
             py::arg("inverse").noconvert(), "bandwidth"_a, py::arg("levels").noconvert(),
             py::arg("terms").noconvert());
}

} // namespace

void bind_illumination(py::module_& module) {
  bind_basic(module);
  bind_likelihood(module);
  module.def("expand_field", &expand, py::arg("grid").noconvert(), "height"_a, "width"_a);
  module.def("correct", &correct_image, py::arg("raw").noconvert(),
             py::arg("flatfield").noconvert(), py::arg("darkfield").noconvert());
  py::class_<FieldSample>(module, "FieldSample")
      .def_property_readonly("shape",
                             [](const FieldSample& sample) { return shape_tuple(sample.shape); })
      .def_readonly("n_images", &FieldSample::n_images)
      .def_property_readonly("grid_mean",
                             [](const py::object& self) {
                               const auto& sample = self.cast<const FieldSample&>();
                               return borrow(self, sample.grid_mean,
                                             {sample.grid.height, sample.grid.width});
                             })
      .def_property_readonly("pixel_min",
                             [](const py::object& self) {
                               const auto& sample = self.cast<const FieldSample&>();
                               return borrow(self, sample.pixel_min,
                                             {sample.grid.height, sample.grid.width});
                             })
      .def_property_readonly("thumbnails",
                             [](const py::object& self) {
                               const auto& sample = self.cast<const FieldSample&>();
                               return borrow(
                                   self, sample.thumbnails,
                                   {sample.n_images, sample.grid.height, sample.grid.width});
                             })
      .def_property_readonly("samples",
                             [](const py::object& self) {
                               const auto& sample = self.cast<const FieldSample&>();
                               return borrow(
                                   self, sample.samples,
                                   {sample.n_images, sample.sampled.height, sample.sampled.width});
                             })
      .def_readonly("failed", &FieldSample::failed);
  module.def("sample_field", &sample, "sources"_a, "grid_side"_a, "stride"_a, "shape"_a,
             "threads"_a);
}

} // namespace kinfast::bindings
