#include "kinfast/image/resize.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "rows.hpp"

namespace kinfast {

std::vector<Coverage> area_coverage(std::size_t input, std::size_t output) {
  if (output == 0 || output > input) {
    throw std::invalid_argument("an area resize from " + std::to_string(input) + " to " +
                                std::to_string(output) + " pixels: wanted 1 to " +
                                std::to_string(input));
  }
  std::vector<Coverage> coverage(output);
  for (std::size_t i = 0; i < output; ++i) {
    // In units of 1 / output of an input element, where every border is a whole number.
    const std::size_t begin = i * input;
    const std::size_t end = begin + input;
    const std::size_t first = begin / output;
    const std::size_t last = (end - 1) / output;
    const auto share = [output](std::size_t covered) {
      return static_cast<float>(static_cast<double>(covered) / static_cast<double>(output));
    };
    coverage[i] = {first, last, share(std::min(end, (first + 1) * output) - begin),
                   share(end - last * output)};
  }
  return coverage;
}

AreaResizer::AreaResizer(Shape input, Shape output)
    : input_(input), output_(output), rows_(area_coverage(input.height, output.height)),
      columns_(area_coverage(input.width, output.width)),
      area_(static_cast<double>(input.pixels()) / static_cast<double>(output.pixels())),
      sums_(input.width) {}

void AreaResizer::start(ImageView<float> out) {
  if (out.shape != output_) {
    throw std::invalid_argument("a resized image of " + to_string(out.shape) + ": wanted " +
                                to_string(output_));
  }
  out_ = out;
  next_input_ = 0;
  next_output_ = 0;
}

void AreaResizer::push(const float* row) {
  const RowKernels& kernels = row_kernels();
  const std::size_t y = next_input_++;
  // A row on the border of two output rows ends one and begins the next.
  while (next_output_ < output_.height && rows_[next_output_].first <= y) {
    const Coverage& covered = rows_[next_output_];
    if (y == covered.first) {
      kernels.scale_row(row, covered.first_weight, sums_.data(), input_.width);
    } else {
      const float weight = y == covered.last ? covered.last_weight : 1.0F;
      kernels.accumulate_row(row, weight, sums_.data(), input_.width);
    }
    if (y < covered.last) {
      return;
    }
    finish_row();
  }
}

float* AreaResizer::take_inner_row() {
  if (next_output_ == output_.height) {
    return nullptr;
  }
  const Coverage& covered = rows_[next_output_];
  if (next_input_ <= covered.first || next_input_ >= covered.last) {
    return nullptr;
  }
  ++next_input_;
  return sums_.data();
}

void AreaResizer::finish_row() {
  float* out = out_.row(next_output_++);
  for (std::size_t i = 0; i < output_.width; ++i) {
    const Coverage& covered = columns_[i];
    double sum = double{covered.first_weight} * double{sums_[covered.first]};
    for (std::size_t x = covered.first + 1; x < covered.last; ++x) {
      sum += double{sums_[x]};
    }
    if (covered.last > covered.first) {
      sum += double{covered.last_weight} * double{sums_[covered.last]};
    }
    out[i] = static_cast<float>(sum / area_);
  }
}

void area_resize(ImageView<const float> image, ImageView<float> out) {
  AreaResizer resizer(image.shape, out.shape);
  resizer.start(out);
  for (std::size_t y = 0; y < image.shape.height; ++y) {
    resizer.push(image.row(y));
  }
}

} // namespace kinfast
