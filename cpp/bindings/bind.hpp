// One bind_* a family; module.cpp only calls them.
#pragma once

#include <pybind11/pybind11.h>

namespace kinfast::bindings {

void bind_errors(pybind11::module_& module);

} // namespace kinfast::bindings
