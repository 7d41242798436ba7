#include "kinfast/image/focus.hpp"
#include "kinfast/image/hash.hpp"
#include "kinfast/image/histogram.hpp"
#include "kinfast/image/isa.hpp"
#include "kinfast/image/project.hpp"
#include "kinfast/image/quantise.hpp"
#include "kinfast/image/resize.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string_view>
#include <vector>

using namespace kinfast;

namespace {

std::uint64_t hash_text(std::string_view text) {
  return hash_bytes(std::as_bytes(std::span(text.data(), text.size())));
}

// What the authors of XXH3 hash to check an implementation.
std::vector<std::byte> sanity_bytes(std::size_t size) {
  std::vector<std::byte> data(size);
  std::uint64_t state = 2654435761U;
  for (std::byte& byte : data) {
    byte = static_cast<std::byte>(state >> 56);
    state *= 11400714785074694797U;
  }
  return data;
}

ImageBuffer<std::uint16_t> stripes(Shape shape, int period, std::uint16_t amplitude) {
  ImageBuffer<std::uint16_t> image(shape);
  for (std::size_t y = 0; y < shape.height; ++y) {
    for (std::size_t x = 0; x < shape.width; ++x) {
      const double phase = 2.0 * 3.14159265358979 * static_cast<double>(x) / period;
      image.view().row(y)[x] =
          static_cast<std::uint16_t>(1000.0 + amplitude * (1.0 + std::sin(phase)));
    }
  }
  return image;
}

} // namespace

TEST_CASE("short data give XXH64's published values") {
  CHECK(hash_text("") == 0xEF46DB3751D8E999U);
  CHECK(hash_text("abc") == 0x44BC2CF5AD770999U);
}

TEST_CASE("long data give XXH3's published values") {
  CHECK(hash_bytes(sanity_bytes(403)) == 0xCDEB804D65C6DEA4U);
  CHECK(hash_bytes(sanity_bytes(512)) == 0x617E49599013CB6BU);
  CHECK(hash_bytes(sanity_bytes(2048)) == 0xDD59E2C3A5F038E0U);
  CHECK(hash_bytes(sanity_bytes(2099)) == 0xC6B9D9B3FC9AC765U);
  CHECK(hash_bytes(sanity_bytes(2240)) == 0x6E73A90539CF2948U);
  CHECK(hash_bytes(sanity_bytes(2367)) == 0xCB37AEB9E5D361EDU);
}

TEST_CASE("a hash does not depend on the pieces that the data come in") {
  const auto data = sanity_bytes(5000);
  for (const std::size_t size : {0U, 1U, 63U, 240U, 241U, 1024U, 1025U, 2048U, 2049U, 4999U}) {
    const auto whole = std::span(data).first(size);
    for (const std::size_t piece : {1U, 5U, 64U, 1023U, 1024U, 1025U, 3000U}) {
      Hasher hasher;
      for (std::size_t at = 0; at < size; at += piece) {
        hasher.add(whole.subspan(at, std::min(piece, size - at)));
      }
      REQUIRE(hasher.hash() == hash_bytes(whole));
    }
  }
}

TEST_CASE("the scalar kernels are always available, and come first") {
  REQUIRE(!available_isas().empty());
  CHECK(available_isas().front() == Isa::scalar);
  CHECK(isa_name(Isa::scalar) == "scalar");
}

TEST_CASE("a maximum projection keeps the brighter pixel") {
  std::vector<std::uint16_t> plane{1, 9, 65535, 0};
  std::vector<std::uint16_t> into{5, 5, 5, 5};
  max_project({plane.data(), {2, 2}}, {into.data(), {2, 2}});
  CHECK(into == std::vector<std::uint16_t>{5, 9, 65535, 5});
  CHECK_THROWS_AS(max_project({plane.data(), {1, 4}}, {into.data(), {2, 2}}),
                  std::invalid_argument);
}

TEST_CASE("coverage shares every input pixel out exactly once") {
  for (std::size_t input = 1; input < 40; ++input) {
    for (std::size_t output = 1; output <= input; ++output) {
      const auto coverage = area_coverage(input, output);
      CHECK(coverage.front().first == 0);
      CHECK(coverage.back().last == input - 1);
      for (const Coverage& covered : coverage) {
        double sum = covered.first_weight;
        if (covered.last > covered.first) {
          sum += static_cast<double>(covered.last - covered.first - 1) + covered.last_weight;
        }
        // Two weights rounded to float32, each below 1: 2 * 2^-25.
        CHECK(std::abs(sum - static_cast<double>(input) / static_cast<double>(output)) < 1e-7);
      }
    }
  }
  CHECK_THROWS_AS(area_coverage(3, 4), std::invalid_argument);
  CHECK_THROWS_AS(area_coverage(3, 0), std::invalid_argument);
}

TEST_CASE("an area resize halves exactly, and leaves the same size alone") {
  std::vector<float> image{1, 3, 5, 7, 1, 3, 5, 7};
  std::vector<float> half(2);
  area_resize({image.data(), {2, 4}}, {half.data(), {1, 2}});
  CHECK(half == std::vector<float>{2, 6});
  std::vector<float> same(8);
  area_resize({image.data(), {2, 4}}, {same.data(), {2, 4}});
  CHECK(same == image);
}

TEST_CASE("quantising clips, rounds half to even and turns NaN into 0") {
  const std::vector<float> intensities{-5.0F, 0.5F, 1.5F, 2.5F, 255.0F, 1e30F, NAN};
  std::vector<std::uint8_t> levels(intensities.size());
  quantise(intensities, {0.0F, 255.0F}, levels.data());
  CHECK(levels == std::vector<std::uint8_t>{0, 0, 2, 2, 255, 255, 0});
  CHECK_THROWS_AS(check_window({1.0F, 1.0F}), std::invalid_argument);
  CHECK_THROWS_AS(check_window({0.0F, INFINITY}), std::invalid_argument);
}

TEST_CASE("a histogram counts every pixel, and forgets the image before") {
  Histogram histogram;
  std::vector<std::uint16_t> pixels(1003);
  std::iota(pixels.begin(), pixels.end(), std::uint16_t{65000});
  for (int repeat = 0; repeat < 2; ++repeat) {
    histogram.clear();
    histogram.add(std::span(pixels).first(500));
    histogram.add(std::span(pixels).subspan(500));
    const auto counts = histogram.counts();
    CHECK(std::accumulate(counts.begin(), counts.end(), 0U) == pixels.size());
    CHECK(counts[65535] == 1);
    CHECK(counts[0] == 1); // it wrapped around
  }
}

TEST_CASE("hashers beside a histogram get its pixels, whatever they had before") {
  std::vector<std::uint16_t> pixels(9000);
  std::iota(pixels.begin(), pixels.end(), std::uint16_t{60000});
  const auto bytes = std::as_bytes(std::span(pixels));
  for (const std::size_t before : {0U, 1U, 1023U, 1024U, 1025U, 1500U}) {
    for (const std::size_t piece : {1U, 511U, 512U, 513U, 4000U, 9000U}) {
      Histogram histogram;
      Hasher whole;
      Hasher beside;
      Hasher alone;
      beside.add(bytes.first(before));
      alone.add(bytes.first(before));
      for (std::size_t at = 0; at < pixels.size(); at += piece) {
        const std::array hashers{&whole, &beside};
        const auto some = std::span(pixels).subspan(at, std::min(piece, pixels.size() - at));
        histogram.add(some, hashers);
        alone.add(std::as_bytes(some));
      }
      REQUIRE(whole.hash() == hash_bytes(bytes));
      REQUIRE(beside.hash() == alone.hash());
      REQUIRE(histogram.counts()[60000] == 1);
      REQUIRE(histogram.counts()[(60000 + 8999) % kLevels] == 1);
    }
  }
}

TEST_CASE("focus in steps is focus at once") {
  FocusMeter meter;
  const auto image = stripes({41, 203}, 10, 1000);
  const double whole = meter.measure(image.view(), 1000, 3000);
  meter.start(image.shape(), 1000, 3000);
  for (const std::size_t end : {1U, 1U, 7U, 8U, 30U, 41U}) {
    meter.add_rows(image.view(), end);
  }
  CHECK(meter.finish() == whole);
}

TEST_CASE("focus falls with the period of stripes, and not with their contrast") {
  FocusMeter meter;
  const Shape shape{40, 200};
  const double fine = meter.measure(stripes(shape, 10, 1000).view(), 1000, 3000);
  const double coarse = meter.measure(stripes(shape, 40, 1000).view(), 1000, 3000);
  const double dim = meter.measure(stripes(shape, 10, 250).view(), 1000, 1500);
  // 4 tan^2(w / 2) with w = 2 pi / 5 and 2 pi / 20 per binned pixel; 2 % for whole levels.
  CHECK(fine == doctest::Approx(2.111).epsilon(0.02));
  CHECK(coarse == doctest::Approx(0.1003).epsilon(0.02));
  CHECK(dim == doctest::Approx(fine).epsilon(0.02));
}

TEST_CASE("focus of nothing is 0") {
  FocusMeter meter;
  CHECK(meter.measure(stripes({40, 200}, 10, 0).view(), 1000, 1000) == 0.0);
  CHECK(meter.measure(stripes({3, 200}, 10, 100).view(), 1000, 1200) == 0.0);
  CHECK(meter.measure(stripes({40, 5}, 10, 100).view(), 1000, 1200) == 0.0);
}
