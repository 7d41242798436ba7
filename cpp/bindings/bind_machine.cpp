#include "bind.hpp"

#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "kinfast/image/isa.hpp"

namespace py = pybind11;

namespace kinfast::bindings {

void bind_machine(py::module_& module) {
  module.def("active_isa", [] { return std::string(isa_name(active_isa())); });
  module.def("available_isas", [] {
    std::vector<std::string> names;
    for (const Isa isa : available_isas()) {
      names.emplace_back(isa_name(isa));
    }
    return names;
  });
}

} // namespace kinfast::bindings
