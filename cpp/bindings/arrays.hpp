// NumPy arrays as the core's views. An argument of these types with .noconvert() takes exactly this
// dtype in C order, and anything else is a TypeError: never a hidden copy.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <stdexcept>
#include <string>
#include <utility>

#include "kinfast/image/view.hpp"

namespace kinfast::bindings {

template <typename T> using CArray = pybind11::array_t<T, pybind11::array::c_style>;

template <typename T> ImageView<const T> image_view(const CArray<T>& array, const char* name) {
  if (array.ndim() != 2) {
    throw std::invalid_argument(std::string(name) + " has " + std::to_string(array.ndim()) +
                                " dimensions, wanted 2: height and width");
  }
  return {array.data(),
          {static_cast<std::size_t>(array.shape(0)), static_cast<std::size_t>(array.shape(1))}};
}

template <typename T> CArray<T> new_image(Shape shape) {
  return CArray<T>({shape.height, shape.width});
}

template <typename T> ImageView<T> mutable_view(CArray<T>& array) {
  return {array.mutable_data(),
          {static_cast<std::size_t>(array.shape(0)), static_cast<std::size_t>(array.shape(1))}};
}

inline std::pair<std::size_t, std::size_t> shape_tuple(Shape shape) {
  return {shape.height, shape.width};
}

} // namespace kinfast::bindings
