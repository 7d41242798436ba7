#include "bind.hpp"

#include <string>

#include "arrays.hpp"
#include "kinfast/composite/gather.hpp"

namespace py = pybind11;
using namespace py::literals;

namespace kinfast::bindings {
namespace {

template <typename T> std::span<const T> indices(const CArray<T>& array, const char* name) {
  if (array.ndim() != 1) {
    throw py::value_error(std::string(name) + " has " + std::to_string(array.ndim()) +
                          " dimensions, wanted 1");
  }
  return {array.data(), static_cast<std::size_t>(array.size())};
}

void check_out(const CArray<std::uint8_t>& store, std::size_t n_sites, std::size_t n_channels,
               const CArray<std::uint8_t>& out) {
  if (store.ndim() != 4 || out.ndim() != 4) {
    throw py::value_error("store and out have " + std::to_string(store.ndim()) + " and " +
                          std::to_string(out.ndim()) +
                          " dimensions, wanted 4: sites, height, width, channels");
  }
  const bool fits = out.shape(0) == static_cast<py::ssize_t>(n_sites) &&
                    out.shape(1) == store.shape(1) && out.shape(2) == store.shape(2) &&
                    out.shape(3) == static_cast<py::ssize_t>(n_channels);
  if (!fits) {
    throw py::value_error("out is " + py::str(out.attr("shape")).cast<std::string>() +
                          ", wanted (" + std::to_string(n_sites) + ", " +
                          std::to_string(store.shape(1)) + ", " + std::to_string(store.shape(2)) +
                          ", " + std::to_string(n_channels) + ")");
  }
}

void gather(const CArray<std::uint8_t>& store, const CArray<std::int64_t>& sites,
            const CArray<std::int64_t>& channels, CArray<std::uint8_t>& out, int threads) {
  const auto chosen_sites = indices(sites, "indices");
  const auto chosen_channels = indices(channels, "channels");
  check_out(store, chosen_sites.size(), chosen_channels.size(), out);
  const SiteStore source{store.data(), static_cast<std::size_t>(store.shape(0)),
                         static_cast<std::size_t>(store.shape(1) * store.shape(2)),
                         static_cast<std::size_t>(store.shape(3))};
  std::uint8_t* to = out.mutable_data(); // throws where out is read-only
  const py::gil_scoped_release release;  // below this line no Python object is touched
  gather_sites(source, chosen_sites, chosen_channels, to, threads);
}

} // namespace

void bind_composite(py::module_& module) {
  module.def("gather_sites", &gather, py::arg("store").noconvert(), py::arg("indices").noconvert(),
             py::arg("channels").noconvert(), py::arg("out").noconvert(), "threads"_a);
}

} // namespace kinfast::bindings
