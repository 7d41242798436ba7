#include "bind.hpp"

#include <pybind11/stl.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "arrays.hpp"
#include "kinfast/site/process.hpp"

namespace py = pybind11;
using namespace py::literals;

namespace kinfast::bindings {
namespace {

ImageBuffer<float> copy_grid(const CArray<float>& array, const char* name) {
  const auto cells = image_view(array, name);
  ImageBuffer<float> grid(cells.shape);
  std::copy_n(cells.data, cells.pixels(), grid.view().data);
  return grid;
}

ChannelPlan make_plan(const CArray<float>& flatfield, const CArray<float>& darkfield, double low,
                      double high, std::uint16_t saturation_value,
                      std::optional<double> nuclei_threshold, std::size_t nuclei_min_area) {
  ChannelPlan plan;
  plan.flatfield = copy_grid(flatfield, "flatfield");
  plan.darkfield = copy_grid(darkfield, "darkfield");
  plan.window = {static_cast<float>(low), static_cast<float>(high)};
  plan.saturation_value = saturation_value;
  if (nuclei_threshold) {
    plan.nuclei_threshold = static_cast<float>(*nuclei_threshold);
  }
  plan.nuclei_min_area = nuclei_min_area;
  check_plan(plan);
  return plan;
}

Shape stored_shape(const CArray<std::uint8_t>& out, std::size_t n_sites, std::size_t n_channels) {
  const bool fits = out.ndim() == 4 && out.shape(0) == static_cast<py::ssize_t>(n_sites) &&
                    out.shape(3) == static_cast<py::ssize_t>(n_channels);
  if (!fits) {
    throw py::value_error("out is " + py::str(out.attr("shape")).cast<std::string>() +
                          ", wanted (" + std::to_string(n_sites) + ", height, width, " +
                          std::to_string(n_channels) + "): sites and channels");
  }
  return {static_cast<std::size_t>(out.shape(1)), static_cast<std::size_t>(out.shape(2))};
}

std::vector<std::vector<ChannelResult>> process(const std::vector<SitePaths>& sites,
                                                const std::vector<ChannelPlan>& plans,
                                                const std::pair<std::size_t, std::size_t>& shape,
                                                CArray<std::uint8_t>& out, int threads) {
  const SiteRows rows{out.mutable_data(), stored_shape(out, sites.size(), plans.size())};
  const py::gil_scoped_release release; // below this line no Python object is touched
  return process_sites(sites, plans, {shape.first, shape.second}, rows, threads);
}

} // namespace

void bind_site(py::module_& module) {
  py::class_<ChannelPlan>(module, "ChannelPlan")
      .def(py::init(&make_plan), py::kw_only(), py::arg("flatfield").noconvert(),
           py::arg("darkfield").noconvert(), "low"_a, "high"_a, "saturation_value"_a,
           "nuclei_threshold"_a = py::none(), "nuclei_min_area"_a = 0);
  py::class_<ChannelResult>(module, "ChannelResult")
      .def_readonly("error", &ChannelResult::error)
      .def_readonly("error_path", &ChannelResult::error_path)
      .def_readonly("statistics", &ChannelResult::statistics)
      .def_readonly("corrected_mean", &ChannelResult::corrected_mean)
      .def_readonly("corrected_std", &ChannelResult::corrected_std)
      .def_readonly("detail", &ChannelResult::detail)
      .def_readonly("bits", &ChannelResult::bits)
      .def_readonly("nuclei", &ChannelResult::nuclei)
      .def_readonly("nuclei_pixels", &ChannelResult::nuclei_pixels)
      .def_readonly("file_hash", &ChannelResult::file_hash)
      .def_readonly("pixel_hash", &ChannelResult::pixel_hash);
  module.def("process_sites", &process, "sites"_a, "plans"_a, "shape"_a, py::arg("out").noconvert(),
             "threads"_a);
}

} // namespace kinfast::bindings
