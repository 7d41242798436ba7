// Images as the kernels see them: rows of pixels that somebody else owns, and the buffers that own.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace kinfast {

struct Shape {
  std::size_t height = 0;
  std::size_t width = 0;

  std::size_t pixels() const { return height * width; }
  bool operator==(const Shape&) const = default;
};

inline std::string to_string(const Shape& shape) {
  return std::to_string(shape.height) + "x" + std::to_string(shape.width);
}

// Borrows height x width pixels; rows follow each other without a gap.
template <typename T> struct ImageView {
  T* data = nullptr;
  Shape shape;

  T* row(std::size_t y) const { return data + y * shape.width; }
  std::size_t pixels() const { return shape.pixels(); }
  operator ImageView<const T>() const { return {data, shape}; }
};

// Owns an image, and keeps its memory when it is given another shape: scratch made once, used for
// every image. What is in it after reshape() is unspecified.
template <typename T> class ImageBuffer {
public:
  ImageBuffer() = default;
  explicit ImageBuffer(Shape shape) { reshape(shape); }

  void reshape(Shape shape) {
    if (pixels_.size() < shape.pixels()) {
      pixels_.resize(shape.pixels());
    }
    shape_ = shape;
  }
  Shape shape() const { return shape_; }
  ImageView<T> view() { return {pixels_.data(), shape_}; }
  ImageView<const T> view() const { return {pixels_.data(), shape_}; }

private:
  std::vector<T> pixels_;
  Shape shape_;
};

} // namespace kinfast
