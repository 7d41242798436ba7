#include "kinfast/illumination/likelihood.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>
#include <stdexcept>
#include <vector>

using namespace kinfast;

namespace {

constexpr std::size_t kImages = 12;
constexpr std::size_t kCells = 400;
constexpr double kSlope = 0.3;

// One term: a slope over the cells, of mean 0 and of length 1.
std::vector<double> slope_basis() {
  std::vector<double> basis(kCells);
  double squares = 0;
  for (std::size_t j = 0; j < kCells; ++j) {
    basis[j] = (static_cast<double>(j) + 0.5) / kCells - 0.5;
    squares += basis[j] * basis[j];
  }
  for (double& value : basis) {
    value /= std::sqrt(squares);
  }
  return basis;
}

struct Scene {
  std::vector<double> basis = slope_basis();
  double inverse = 1;
  std::vector<float> logs;

  // Levels that differ, the slope, noise, and a bright cell in every tenth place.
  Scene() : logs(kImages * kCells) {
    std::mt19937 random(3);
    for (std::size_t i = 0; i < kImages; ++i) {
      for (std::size_t j = 0; j < kCells; ++j) {
        const double noise = static_cast<double>(random() % 1000) / 1e5;
        const double cell = random() % 10 == 0 ? 1.5 : 0.0;
        logs[i * kCells + j] =
            static_cast<float>(0.1 * static_cast<double>(i) + kSlope * basis[j] + noise + cell);
      }
    }
  }

  LogImages images() const {
    return {{logs.data(), {kImages, kCells}}, {basis.data(), {kCells, 1}}, {&inverse, {1, 1}}};
  }
};

// As the fit begins: each image's level is known but for a little.
SmoothFit start(std::size_t terms = 1) {
  SmoothFit fit{std::vector<float>(kImages), std::vector<double>(terms, 0.0)};
  for (std::size_t i = 0; i < kImages; ++i) {
    fit.levels[i] = 0.1F * static_cast<float>(i) + (i % 2 == 0 ? 0.02F : -0.02F);
  }
  return fit;
}

} // namespace

TEST_CASE("the likelihood's steps find a planted slope under cells, and the images' levels") {
  const Scene scene;
  SmoothFit fit = start();
  const std::vector<double> bandwidths(60, 0.5);
  climb_likelihood(scene.images(), bandwidths, fit);
  CHECK(fit.terms[0] == doctest::Approx(kSlope).epsilon(0.05));
  for (std::size_t i = 1; i < kImages; ++i) {
    CHECK(fit.levels[i] - fit.levels[i - 1] == doctest::Approx(0.1).epsilon(0.05));
  }
  std::vector<double> pulls(kImages);
  image_pulls(scene.images(), 0.5, fit, {pulls.data(), {kImages, 1}});
  for (const double pull : pulls) {
    CHECK(std::isfinite(pull));
  }
}

TEST_CASE("the likelihood's steps stay inside their bins whatever stands in the images") {
  Scene scene;
  scene.logs[5] = std::numeric_limits<float>::quiet_NaN();
  scene.logs[600] = std::numeric_limits<float>::infinity();
  scene.logs[601] = -std::numeric_limits<float>::infinity();
  SmoothFit fit = start();
  const std::vector<double> bandwidths(3, 1.0);
  CHECK_NOTHROW(climb_likelihood(scene.images(), bandwidths, fit));
}

TEST_CASE("the likelihood's shapes must fit together") {
  const Scene scene;
  SmoothFit fit = start(2);
  const std::vector<double> bandwidths(1, 1.0);
  CHECK_THROWS_AS(climb_likelihood(scene.images(), bandwidths, fit), std::invalid_argument);
  SmoothFit right = start();
  std::vector<double> pulls(kImages + 1);
  CHECK_THROWS_AS(image_pulls(scene.images(), 1.0, right, {pulls.data(), {kImages + 1, 1}}),
                  std::invalid_argument);
}
