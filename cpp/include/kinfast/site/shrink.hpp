// Corrects an image and shrinks it in one, so that no corrected image of full size exists.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "kinfast/illumination/field.hpp"
#include "kinfast/image/resize.hpp"
#include "kinfast/image/view.hpp"

namespace kinfast {

// Gives the bits of correct() and area_resize() behind it. One thread at a time.
class CorrectingResizer {
public:
  CorrectingResizer(Shape raw, Shape stored) : resizer_(raw, stored) {}

  // Starts a new image; the fields must outlive it.
  void start(const Field& gain, const Field& dark, ImageView<float> out);
  // Makes the output rows that raw rows before `end` complete. `raw` is the whole image.
  void make_rows(ImageView<const std::uint16_t> raw, std::size_t end);

private:
  void add_rows(ImageView<const std::uint16_t> raw, CoveredRows covered);

  AreaResizer resizer_;
  const Field* gain_ = nullptr;
  const Field* dark_ = nullptr;
  std::optional<Field::Rows> gain_rows_;
  std::optional<Field::Rows> dark_rows_;
};

} // namespace kinfast
