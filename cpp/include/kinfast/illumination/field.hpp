// Illumination fields: small grids of cell centres, blown up to an image row by row.
#pragma once

#include <cstddef>
#include <vector>

#include "kinfast/image/view.hpp"

namespace kinfast {

// A row of a field: top + (bottom - top) * weight, element by element.
struct BlendedRow {
  const float* top = nullptr;
  const float* bottom = nullptr;
  float weight = 0.0F;
};

// Rows between the same two rows of the grid, from the top down: top + (bottom - top) * weights[i].
struct BlendedRows {
  const float* top = nullptr;
  const float* bottom = nullptr; // top itself where nothing changes downwards
  const float* weights = nullptr;
};

// A field kept as a (gh, gw) grid, and the rows of its bilinear expansion to (H, W).
//
// Pixel x has its centre at u = (x + 0.5) * gw / W - 0.5 in units of cells; left of the first and
// right of the last cell centre the edge is held. A grid row is first expanded along x, value =
// left + (right - left) * t, then two of them along y in the same way; t is computed in double and
// rounded to float32, all else is float32. Each grid row is expanded once an image, not once a
// pixel row.
class Field {
public:
  // Throws std::invalid_argument where the grid or the image is empty.
  Field(ImageView<const float> grid, Shape image);

  Shape image() const { return image_; }
  Shape grid() const { return grid_.shape(); }
  ImageView<const float> cells() const { return grid_.view(); }

  // Rows of the image from y on, itself among them, that lie between the same two grid rows.
  std::size_t n_alike(std::size_t y) const { return row_ends_[y] - y; }

  // One thread's place in the field.
  class Rows {
  public:
    explicit Rows(const Field& field);
    // Row y of the expansion and those below it that blend the same rows of values, n_alike(y)
    // in all; as below.
    BlendedRows rows(std::size_t y);
    // Row y of the expansion as a blend of two rows of W values, which stay valid until the next
    // call. Rows may be asked for in any order; going down is cheap.
    BlendedRow row(std::size_t y);

  private:
    void expand(std::size_t grid_row, std::vector<float>& into, std::size_t& held) const;

    const Field* field_;
    std::vector<float> upper_;
    std::vector<float> lower_;
    std::size_t upper_row_;
    std::size_t lower_row_;
  };

private:
  struct Step {
    std::size_t first = 0; // the cell before; the one after is `second`
    std::size_t second = 0;
    float weight = 0.0F; // of the second
  };
  void find_alike();
  // Pixels begin .. end of a row between the same two cell centres.
  struct Stretch {
    std::size_t first = 0;
    std::size_t second = 0;
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  static std::vector<Step> steps(std::size_t cells, std::size_t pixels);

  ImageBuffer<float> grid_;
  Shape image_;
  std::vector<Step> rows_;
  std::vector<float> row_weights_;    // of each row's second grid row
  std::vector<std::size_t> row_ends_; // one past the last row that is like this one
  std::vector<Stretch> stretches_;    // of a row's pixels
  std::vector<float> weights_;        // of each pixel's second cell
};

// The whole expansion.
void expand_field(ImageView<const float> grid, ImageView<float> out);

} // namespace kinfast
