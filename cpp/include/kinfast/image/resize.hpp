// Area resize: each output pixel is the mean over its exact area of input pixels.
//
// The sum is separable, and its order is part of the definition, so that every machine gives the
// same bits. For an output row: the input rows that it covers, from the top down, each times its
// float32 weight (the covered share of the row), added up per column in float32. Then for an
// output pixel: the columns that it covers, from left to right, each times its weight, added up in
// double, divided by the area and rounded to float32 once.
// Bound: k rows err by at most k * 2^-24 of the sum of magnitudes.
#pragma once

#include <cstddef>
#include <vector>

#include "kinfast/image/view.hpp"

namespace kinfast {

// What one output element covers along one axis: elements first .. last, the ends in part.
struct Coverage {
  std::size_t first = 0;
  std::size_t last = 0;
  float first_weight = 0.0F;
  float last_weight = 0.0F; // of `last` where that is another element than `first`
};

// One entry an output element. Throws std::invalid_argument unless 1 <= output <= input.
std::vector<Coverage> area_coverage(std::size_t input, std::size_t output);

// Takes the input's rows one after another, from the top, and writes output rows as they are done.
class AreaResizer {
public:
  AreaResizer(Shape input, Shape output);

  // Starts a new image.
  void start(ImageView<float> out);
  // The next row, of the input's width.
  void push(const float* row);
  // Where the next row counts wholly towards the output row that is being made, and neither begins
  // nor ends it: takes it as pushed, and gives the sums that the caller adds it to. Else null.
  float* take_inner_row();

  Shape output() const { return output_; }

private:
  void finish_row();

  Shape input_;
  Shape output_;
  std::vector<Coverage> rows_;
  std::vector<Coverage> columns_;
  double area_;
  std::vector<float> sums_; // the current output row, per input column
  ImageView<float> out_;
  std::size_t next_input_ = 0;
  std::size_t next_output_ = 0;
};

void area_resize(ImageView<const float> image, ImageView<float> out);

} // namespace kinfast
