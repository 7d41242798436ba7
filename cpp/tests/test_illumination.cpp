#include "kinfast/illumination/correct.hpp"
#include "kinfast/illumination/field.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>
#include <vector>

using namespace kinfast;

TEST_CASE("a field goes through the cell centres, and is held beyond the last of them") {
  const std::vector<float> grid{1.0F, 3.0F};
  std::vector<float> out(8);
  expand_field({grid.data(), {1, 2}}, {out.data(), {1, 8}});
  // Centres at 2 and 6 of 8 pixels; pixel centres at 0.5, 1.5, ...
  CHECK(out == std::vector<float>{1.0F, 1.0F, 1.25F, 1.75F, 2.25F, 2.75F, 3.0F, 3.0F});
}

TEST_CASE("rows may be asked for in any order") {
  const std::vector<float> grid{1.0F, 2.0F, 4.0F, 8.0F, 16.0F, 32.0F};
  const Field field({grid.data(), {3, 2}}, {9, 5});
  std::vector<float> whole(45);
  expand_field({grid.data(), {3, 2}}, {whole.data(), {9, 5}});
  Field::Rows rows(field);
  for (const std::size_t y : {8U, 0U, 8U, 3U, 4U, 0U, 7U, 1U, 8U, 2U}) {
    const BlendedRow row = rows.row(y);
    for (std::size_t x = 0; x < 5; ++x) {
      CHECK(row.top[x] + (row.bottom[x] - row.top[x]) * row.weight == whole[y * 5 + x]);
    }
  }
}

TEST_CASE("rows between the same grid rows are found, and a level field needs no blending") {
  const std::vector<float> grid{1.0F, 2.0F, 1.0F, 2.0F, 4.0F, 8.0F};
  const Field field({grid.data(), {3, 2}}, {9, 5});
  Field::Rows rows(field);
  for (std::size_t y = 0; y < 9; ++y) {
    const BlendedRows alike = rows.rows(y);
    const float* top = alike.top;
    CHECK((alike.top == alike.bottom) == (y < 4 || y > 6)); // centres at rows 1, 4 and 7
    for (std::size_t i = 0; i < field.n_alike(y); ++i) {
      const BlendedRow row = rows.row(y + i);
      CHECK(row.top == top);
      CHECK(row.weight == alike.weights[i]);
    }
  }
  CHECK(field.n_alike(0) == 4);
  CHECK(field.n_alike(4) == 3);
}

TEST_CASE("correcting takes the dark offset off and divides") {
  const std::vector<std::uint16_t> raw{100, 300};
  const std::vector<float> flat{0.5F};
  const std::vector<float> dark{200.0F};
  std::vector<float> out(2);
  correct({raw.data(), {1, 2}}, gain_field({flat.data(), {1, 1}}, {1, 2}),
          dark_field({dark.data(), {1, 1}}, {1, 2}), {out.data(), {1, 2}});
  CHECK(out == std::vector<float>{-200.0F, 200.0F});
}

TEST_CASE("fields that cannot be divided by are refused") {
  const auto gain = [](float cell) { static_cast<void>(gain_field({&cell, {1, 1}}, {2, 2})); };
  const auto dark = [](float cell) { static_cast<void>(dark_field({&cell, {1, 1}}, {2, 2})); };
  CHECK_NOTHROW(gain(1.0F));
  CHECK_NOTHROW(dark(0.0F));
  for (const float cell : {0.0F, -1.0F, INFINITY, NAN, 1e-40F}) { // 1e40 is no float32
    CHECK_THROWS_AS(gain(cell), std::invalid_argument);
  }
  CHECK_THROWS_AS(dark(NAN), std::invalid_argument);
  const float good = 1.0F;
  CHECK_THROWS_AS(Field({&good, {0, 1}}, {2, 2}), std::invalid_argument);
}
