#include "kinfast/quality/nuclei.hpp"
#include "kinfast/quality/statistics.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <vector>

using namespace kinfast;

TEST_CASE("statistics of a small image") {
  const std::vector<std::uint16_t> raw{10, 20, 30, 40, 65535, 10, 10, 20};
  StatisticsMeter meter;
  const auto statistics = meter.measure({raw.data(), {2, 4}}, 40);
  CHECK(statistics.minimum == 10);
  CHECK(statistics.maximum == 65535);
  CHECK(statistics.mean == doctest::Approx(65675.0 / 8.0));
  CHECK(statistics.percentiles[4] == 20.0);
  CHECK(statistics.saturated_fraction == 0.25);
  CHECK(statistics.focus == 0.0);
  CHECK_THROWS_AS(meter.measure({nullptr, {0, 4}}, 40), std::invalid_argument);
}

TEST_CASE("a constant image has no spread") {
  const std::vector<std::uint16_t> raw(64 * 64, 65535);
  StatisticsMeter meter;
  const auto statistics = meter.measure({raw.data(), {64, 64}}, 65535);
  CHECK(statistics.std == 0.0);
  CHECK(statistics.saturated_fraction == 1.0);
  CHECK(statistics.percentiles.front() == 65535.0);
  CHECK(statistics.focus == 0.0);
}

TEST_CASE("two discs that touch are two nuclei, and what is cut by the border may be none") {
  constexpr std::size_t kSide = 48;
  std::vector<float> image(kSide * kSide, 0.0F);
  const auto add = [&](double cy, double cx) {
    for (std::size_t i = 0; i < image.size(); ++i) {
      const double dy = static_cast<double>(i / kSide) - cy;
      const double dx = static_cast<double>(i % kSide) - cx;
      image[i] = dy * dy + dx * dx <= 25.0 ? 1.0F : image[i];
    }
  };
  add(20.0, 20.0);
  add(20.0, 29.0);
  NucleusCounter counter;
  CHECK(counter.count({image.data(), {kSide, kSide}}, 0.5F, 4).nuclei == 2);
  add(40.0, -3.0);
  CHECK(counter.count({image.data(), {kSide, kSide}}, 0.5F, 4).nuclei == 2);
  add(46.0, 40.0);
  CHECK(counter.count({image.data(), {kSide, kSide}}, 0.5F, 4).nuclei == 3);
  CHECK(counter.count({image.data(), {kSide, kSide}}, 2.0F, 4).nuclei == 0);
}
