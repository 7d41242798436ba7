// One bind_* a family; module.cpp only calls them.
#pragma once

#include <pybind11/pybind11.h>

namespace kinfast::bindings {

void bind_errors(pybind11::module_& module);
void bind_machine(pybind11::module_& module);
void bind_image(pybind11::module_& module);
void bind_illumination(pybind11::module_& module);
void bind_quality(pybind11::module_& module);
void bind_composite(pybind11::module_& module);
void bind_site(pybind11::module_& module);
void bind_tiff(pybind11::module_& module);

} // namespace kinfast::bindings
