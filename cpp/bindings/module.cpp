#include "bind.hpp"

namespace py = pybind11;

PYBIND11_MODULE(_native, module, py::mod_gil_not_used()) {
  module.doc() = "The native core: TIFF decoding and the fused passes over pixels.";
  module.attr("__version__") = KINFAST_VERSION;
  kinfast::bindings::bind_errors(module);
  kinfast::bindings::bind_machine(module);
  kinfast::bindings::bind_image(module);
  kinfast::bindings::bind_illumination(module);
  kinfast::bindings::bind_quality(module);
  kinfast::bindings::bind_composite(module);
  kinfast::bindings::bind_site(module);
  kinfast::bindings::bind_tiff(module);
}
