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
      sums_(kTogether * input.width), joined_(kTogether * input.width),
      means_(kTogether * output.width) {}

void AreaResizer::start(ImageView<float> out) {
  if (out.shape != output_) {
    throw std::invalid_argument("a resized image of " + to_string(out.shape) + ": wanted " +
                                to_string(output_));
  }
  out_ = out;
  next_ = 0;
  std::fill(sums_.begin(), sums_.end(), 0.0F);
}

CoveredRows AreaResizer::next_rows() {
  if (next_ == output_.height) {
    return {input_.height, {}};
  }
  const Coverage& covered = rows_[next_];
  shares_.assign(covered.last - covered.first + 1, 1.0F);
  shares_.back() = covered.last_weight;
  shares_.front() = covered.first_weight;
  return {covered.first, shares_};
}

void AreaResizer::finish_row() {
  ++next_;
  if (next_ % kTogether == 0 || next_ == output_.height) {
    add_columns();
    std::fill(sums_.begin(), sums_.end(), 0.0F);
  }
}

void AreaResizer::add_columns() {
  const RowKernels& kernels = row_kernels();
  kernels.join_rows(sums_.data(), joined_.data(), input_.width);
  kernels.mean_columns(joined_.data(), columns_.data(), area_, means_.data(), output_.width);
  const std::size_t first = (next_ - 1) / kTogether * kTogether;
  for (std::size_t y = first; y < next_; ++y) {
    float* out = out_.row(y);
    for (std::size_t x = 0; x < output_.width; ++x) {
      out[x] = means_[x * kTogether + (y - first)];
    }
  }
}

void area_resize(ImageView<const float> image, ImageView<float> out) {
  const RowKernels& kernels = row_kernels();
  AreaResizer resizer(image.shape, out.shape);
  resizer.start(out);
  for (std::size_t i = 0; i < out.shape.height; ++i) {
    const CoveredRows covered = resizer.next_rows();
    for (std::size_t row = 0; row < covered.shares.size(); ++row) {
      kernels.accumulate_row(image.row(covered.first + row), covered.shares[row], resizer.sums(),
                             image.shape.width);
    }
    resizer.finish_row();
  }
}

} // namespace kinfast
