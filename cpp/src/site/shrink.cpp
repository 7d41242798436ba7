#include "kinfast/site/shrink.hpp"

#include <algorithm>

#include "rows.hpp"

namespace kinfast {

void CorrectingResizer::start(const Field& gain, const Field& dark, ImageView<float> out) {
  gain_ = &gain;
  dark_ = &dark;
  gain_rows_.emplace(gain);
  dark_rows_.emplace(dark);
  resizer_.start(out);
}

void CorrectingResizer::make_rows(ImageView<const std::uint16_t> raw, std::size_t end) {
  CoveredRows covered = resizer_.next_rows();
  while (!covered.shares.empty() && covered.first + covered.shares.size() <= end) {
    add_rows(raw, covered);
    resizer_.finish_row();
    covered = resizer_.next_rows();
  }
}

// Rows that lie between the same rows of both grids are added up together, in parts as even as can
// be: a part of one row would read and write as much for that one as another for six.
void CorrectingResizer::add_rows(ImageView<const std::uint16_t> raw, CoveredRows covered) {
  std::size_t y = covered.first;
  std::span<const float> shares = covered.shares;
  while (!shares.empty()) {
    const std::size_t alike = std::min({shares.size(), gain_->n_alike(y), dark_->n_alike(y)});
    const std::size_t n_parts = (alike + kMostCorrected - 1) / kMostCorrected;
    const std::size_t n_rows = (alike + n_parts - 1) / n_parts;
    row_kernels().add_corrected(raw.row(y), raw.shape.width, dark_rows_->rows(y),
                                gain_rows_->rows(y), shares.data(), n_rows, resizer_.sums());
    y += n_rows;
    shares = shares.subspan(n_rows);
  }
}

} // namespace kinfast
