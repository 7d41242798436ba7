#include "kinfast/illumination/basic.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>
#include <stdexcept>
#include <vector>

using namespace kinfast;

namespace {

constexpr Shape kGrid{32, 40};

std::vector<float> planted_field() {
  std::vector<float> field(kGrid.pixels());
  double sum = 0;
  for (std::size_t y = 0; y < kGrid.height; ++y) {
    for (std::size_t x = 0; x < kGrid.width; ++x) {
      const double up = (static_cast<double>(y) - 14) / 32;
      const double right = (static_cast<double>(x) - 22) / 40;
      field[y * kGrid.width + x] = static_cast<float>(1 - 0.8 * (up * up + right * right));
      sum += field[y * kGrid.width + x];
    }
  }
  for (float& share : field) {
    share = static_cast<float>(share / sum * static_cast<double>(kGrid.pixels()));
  }
  return field;
}

// Background of 200 counts, give or take the image's own level; a tenth of it under square cells.
std::vector<std::vector<float>> sparse_images(std::size_t n, float offset) {
  std::mt19937 random(7);
  const auto below = [&random](std::size_t end) { return random() % end; };
  const auto field = planted_field();
  std::vector<std::vector<float>> images;
  for (std::size_t i = 0; i < n; ++i) {
    const float level = 100.0F + static_cast<float>(below(200));
    std::vector<float> light(kGrid.pixels(), level);
    for (int cell = 0; cell < 8; ++cell) {
      const std::size_t top = below(kGrid.height - 4);
      const std::size_t left = below(kGrid.width - 4);
      for (std::size_t p = 0; p < 16; ++p) {
        light[(top + p / 4) * kGrid.width + left + p % 4] = 6 * level;
      }
    }
    for (std::size_t p = 0; p < light.size(); ++p) {
      light[p] = light[p] * field[p] + offset + static_cast<float>(below(5)) - 2.0F;
    }
    images.push_back(std::move(light));
  }
  return images;
}

BasicFitter fitted(const std::vector<std::vector<float>>& images, bool darkfield) {
  BasicFitter fitter(kGrid, darkfield);
  for (int pass = 0; pass < 40; ++pass) {
    fitter.begin_pass();
    for (const auto& image : images) {
      fitter.add({image.data(), kGrid});
    }
    if (fitter.end_pass()) {
      break;
    }
  }
  return fitter;
}

double rms_error(const BasicFitter& fitter) {
  const auto field = planted_field();
  double sum = 0;
  for (std::size_t p = 0; p < field.size(); ++p) {
    sum += std::pow(fitter.flatfield()[p] / static_cast<double>(field[p]) - 1, 2);
  }
  return std::sqrt(sum / static_cast<double>(field.size()));
}

} // namespace

TEST_CASE("BaSiC finds a planted field and offset among sparse cells") {
  CHECK(rms_error(fitted(sparse_images(64, 0.0F), false)) < 0.01);
  const BasicFitter both = fitted(sparse_images(64, 120.0F), true);
  CHECK(rms_error(both) < 0.02);
  for (const double count : both.darkfield()) {
    CHECK(std::abs(count - 120) < 20); // a tenth of the background
  }
}

TEST_CASE("BaSiC keeps as much of many images as of few, and gives the same twice") {
  const BasicFitter few = fitted(sparse_images(8, 50.0F), true);
  const BasicFitter many = fitted(sparse_images(80, 50.0F), true);
  CHECK(few.state_bytes() == many.state_bytes());
  const BasicFitter again = fitted(sparse_images(80, 50.0F), true);
  CHECK(many.flatfield() == again.flatfield());
  CHECK(many.darkfield() == again.darkfield());
}

TEST_CASE("BaSiC refuses what is not an image of its grid") {
  BasicFitter fitter({2, 3}, true);
  fitter.begin_pass();
  CHECK_THROWS_AS(fitter.end_pass(), std::logic_error);
  std::vector<float> cells(6, 1.0F);
  CHECK_THROWS_AS(fitter.add({cells.data(), {3, 2}}), std::invalid_argument);
  cells[4] = std::numeric_limits<float>::infinity();
  CHECK_THROWS_AS(fitter.add({cells.data(), {2, 3}}), std::invalid_argument);
  CHECK_THROWS_AS(BasicFitter({1, 3}, false), std::invalid_argument);
}
