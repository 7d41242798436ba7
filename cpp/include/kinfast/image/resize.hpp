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
#include <span>
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

// Input rows from `first` on, and the share of each that is covered.
struct CoveredRows {
  std::size_t first = 0;
  std::span<const float> shares;
};

// Makes one output row after another, from the top: for each, the caller adds the covered rows,
// each times its share, up to the sums, and calls finish_row().
class AreaResizer {
public:
  AreaResizer(Shape input, Shape output);

  // Starts a new image.
  void start(ImageView<float> out);
  // What the next output row covers; nothing when all are made. Valid until finish_row().
  CoveredRows next_rows();
  // Of the next output row, an element an input column; all zero at first.
  float* sums() { return sums_.data() + next_ % kTogether * input_.width; }
  void finish_row();

private:
  // Output rows whose columns are added up side by side, in one register.
  static constexpr std::size_t kTogether = 4;

  void add_columns();

  Shape input_;
  Shape output_;
  std::vector<Coverage> rows_;
  std::vector<Coverage> columns_;
  double area_;
  std::vector<float> shares_; // of the rows that are covered now
  std::vector<float> sums_;   // kTogether rows
  std::vector<float> joined_; // the same, column by column
  std::vector<float> means_;  // output pixels, likewise
  ImageView<float> out_;
  std::size_t next_ = 0; // output row
};

void area_resize(ImageView<const float> image, ImageView<float> out);

} // namespace kinfast
