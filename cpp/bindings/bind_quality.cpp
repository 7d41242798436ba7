#include "bind.hpp"

#include <utility>

#include "arrays.hpp"
#include "kinfast/quality/detail.hpp"
#include "kinfast/quality/nuclei.hpp"
#include "kinfast/quality/statistics.hpp"

namespace py = pybind11;
using namespace py::literals;

namespace kinfast::bindings {
namespace {

SiteStatistics measure(const CArray<std::uint16_t>& raw, std::uint16_t saturation_value) {
  const auto image = image_view(raw, "raw");
  const py::gil_scoped_release release;
  StatisticsMeter meter;
  return meter.measure(image, saturation_value);
}

std::pair<std::size_t, std::size_t> count_nuclei(const CArray<float>& image, double threshold,
                                                 std::size_t min_area) {
  const auto view = image_view(image, "image");
  const py::gil_scoped_release release;
  NucleusCounter counter;
  const auto found = counter.count(view, static_cast<float>(threshold), min_area);
  return {found.nuclei, found.pixels};
}

double measure_detail(const CArray<float>& image) {
  const auto view = image_view(image, "image");
  const py::gil_scoped_release release;
  return detail(view);
}

py::tuple statistic_percentiles() {
  py::tuple percentiles(kStatisticPercentiles.size());
  for (std::size_t i = 0; i < kStatisticPercentiles.size(); ++i) {
    percentiles[i] = kStatisticPercentiles[i];
  }
  return percentiles;
}

} // namespace

void bind_quality(py::module_& module) {
  py::class_<SiteStatistics>(module, "SiteStatistics")
      .def_readonly("minimum", &SiteStatistics::minimum)
      .def_readonly("maximum", &SiteStatistics::maximum)
      .def_readonly("mean", &SiteStatistics::mean)
      .def_readonly("std", &SiteStatistics::std)
      .def_property_readonly("percentiles",
                             [](const SiteStatistics& statistics) {
                               return CArray<double>(
                                   static_cast<py::ssize_t>(statistics.percentiles.size()),
                                   statistics.percentiles.data());
                             })
      .def_readonly("saturated_fraction", &SiteStatistics::saturated_fraction)
      .def_readonly("focus", &SiteStatistics::focus)
      .def_readonly("noise", &SiteStatistics::noise)
      .def_readonly("level_step", &SiteStatistics::level_step);
  module.attr("STATISTIC_PERCENTILES") = statistic_percentiles();
  module.def("statistics", &measure, py::arg("raw").noconvert(), "saturation_value"_a);
  module.def("count_nuclei", &count_nuclei, py::arg("image").noconvert(), "threshold"_a,
             "min_area"_a);
  module.def("detail", &measure_detail, py::arg("image").noconvert());
}

} // namespace kinfast::bindings
