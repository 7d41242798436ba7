#include "kinfast/illumination/correct.hpp"
#include "kinfast/illumination/field.hpp"

#include <doctest/doctest.h>

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

TEST_CASE("correcting takes the dark offset off and divides") {
  const std::vector<std::uint16_t> raw{100, 300};
  const std::vector<float> flat{0.5F};
  const std::vector<float> dark{200.0F};
  std::vector<float> out(2);
  correct({raw.data(), {1, 2}}, Field({flat.data(), {1, 1}}, {1, 2}),
          Field({dark.data(), {1, 1}}, {1, 2}), {out.data(), {1, 2}});
  CHECK(out == std::vector<float>{-200.0F, 200.0F});
}

TEST_CASE("fields that cannot be divided by are refused") {
  const std::vector<float> good{1.0F};
  const std::vector<float> zero{0.0F};
  const Field one({good.data(), {1, 1}}, {2, 2});
  const Field none({zero.data(), {1, 1}}, {2, 2});
  CHECK_NOTHROW(check_fields(one, none));
  CHECK_THROWS_AS(check_fields(none, none), std::invalid_argument);
  CHECK_THROWS_AS(Field({good.data(), {0, 1}}, {2, 2}), std::invalid_argument);
}
