#include "kinfast/illumination/field.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>

#include "rows.hpp"

namespace kinfast {
namespace {

constexpr std::size_t kNoRow = std::numeric_limits<std::size_t>::max();

} // namespace

std::vector<Field::Step> Field::steps(std::size_t cells, std::size_t pixels) {
  const double scale = static_cast<double>(cells) / static_cast<double>(pixels);
  const auto last = static_cast<double>(cells - 1);
  std::vector<Step> steps(pixels);
  for (std::size_t i = 0; i < pixels; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale - 0.5;
    const double held = std::clamp(centre, 0.0, last);
    const double before = std::floor(held);
    const auto first = static_cast<std::size_t>(before);
    steps[i] = {first, std::min(first + 1, cells - 1), static_cast<float>(held - before)};
  }
  return steps;
}

Field::Field(ImageView<const float> grid, Shape image) : grid_(grid.shape), image_(image) {
  if (grid.pixels() == 0 || image.pixels() == 0) {
    throw std::invalid_argument("a field of " + to_string(grid.shape) + " cells for an image of " +
                                to_string(image) + ": wanted at least one of each");
  }
  std::copy_n(grid.data, grid.pixels(), grid_.view().data);
  rows_ = steps(grid.shape.height, image.height);
  find_alike();
  for (const Step& step : steps(grid.shape.width, image.width)) {
    if (stretches_.empty() || stretches_.back().first != step.first) {
      stretches_.push_back({step.first, step.second, weights_.size(), weights_.size()});
    }
    weights_.push_back(step.weight);
    stretches_.back().end = weights_.size();
  }
}

void Field::find_alike() {
  const std::size_t width = grid_.shape().width;
  for (std::size_t y = 0; y < rows_.size(); ++y) {
    Step& step = rows_[y];
    const float* first = cells().row(step.first);
    if (y > 0 && rows_[y - 1].first == step.first) {
      step.second = rows_[y - 1].second;
    } else if (std::equal(first, first + width, cells().row(step.second))) {
      step.second = step.first; // a blend of a row with its like is that row, whatever the weight
    }
    row_weights_.push_back(step.weight);
  }
  row_ends_.assign(rows_.size(), rows_.size());
  for (std::size_t y = rows_.size() - 1; y > 0; --y) {
    row_ends_[y - 1] = rows_[y - 1].first == rows_[y].first ? row_ends_[y] : y;
  }
}

Field::Rows::Rows(const Field& field)
    : field_(&field), upper_(field.image_.width), lower_(field.image_.width), upper_row_(kNoRow),
      lower_row_(kNoRow) {}

BlendedRow Field::Rows::row(std::size_t y) {
  const BlendedRows blended = rows(y);
  return {blended.top, blended.bottom, *blended.weights};
}

BlendedRows Field::Rows::rows(std::size_t y) {
  const float* weights = field_->row_weights_.data() + y;
  const Step& step = field_->rows_[y];
  if (lower_row_ == step.first) { // the usual way on to the next pair, going down
    std::swap(upper_, lower_);
    std::swap(upper_row_, lower_row_);
  }
  expand(step.first, upper_, upper_row_);
  if (step.second == step.first) {
    return {upper_.data(), upper_.data(), weights};
  }
  expand(step.second, lower_, lower_row_);
  return {upper_.data(), lower_.data(), weights};
}

void Field::Rows::expand(std::size_t grid_row, std::vector<float>& into, std::size_t& held) const {
  if (held == grid_row) {
    return;
  }
  held = grid_row;
  // Between two cell centres nothing changes but the weight: a short loop without a look-up.
  const float* cells = field_->cells().row(grid_row);
  const float* weights = field_->weights_.data();
  for (const Stretch& stretch : field_->stretches_) {
    const float left = cells[stretch.first];
    const float rise = cells[stretch.second] - left;
    for (std::size_t x = stretch.begin; x < stretch.end; ++x) {
      into[x] = left + rise * weights[x];
    }
  }
}

void expand_field(ImageView<const float> grid, ImageView<float> out) {
  const RowKernels& kernels = row_kernels();
  const Field field(grid, out.shape);
  Field::Rows rows(field);
  for (std::size_t y = 0; y < out.shape.height; ++y) {
    kernels.blend_row(rows.row(y), out.row(y), out.shape.width);
  }
}

} // namespace kinfast
