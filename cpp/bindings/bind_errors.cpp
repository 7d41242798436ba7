#include "bind.hpp"

#include "kinfast/errors.hpp"

namespace py = pybind11;

namespace kinfast::bindings {

void bind_errors(py::module_& module) {
  auto& base = py::register_exception<TiffError>(module, "TiffError", PyExc_ValueError);
  py::register_exception<FormatError>(module, "FormatError", base.ptr());
  py::register_exception<UnsupportedError>(module, "UnsupportedError", base.ptr());
  py::register_exception<LimitsError>(module, "LimitsError", base.ptr());
  py::register_exception<IoError>(module, "IoError", PyExc_OSError);
}

} // namespace kinfast::bindings
