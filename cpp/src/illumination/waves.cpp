#include "kinfast/illumination/waves.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace kinfast {
namespace {

std::vector<double> wave_matrix(std::size_t n) {
  std::vector<double> matrix(n * n);
  const auto size = static_cast<double>(n);
  for (std::size_t k = 0; k < n; ++k) {
    const double scale = std::sqrt((k == 0 ? 1.0 : 2.0) / size);
    for (std::size_t x = 0; x < n; ++x) {
      const double phase = static_cast<double>(k) * (static_cast<double>(x) + 0.5) / size;
      matrix[k * n + x] = scale * std::cos(std::numbers::pi * phase);
    }
  }
  return matrix;
}

std::vector<double> transposed(const std::vector<double>& square, std::size_t n) {
  std::vector<double> turned(n * n);
  for (std::size_t k = 0; k < n; ++k) {
    for (std::size_t x = 0; x < n; ++x) {
      turned[x * n + k] = square[k * n + x];
    }
  }
  return turned;
}

// out (rows x columns) = a (rows x inner) * b (inner x columns); rows of b are added up in order,
// so that the inner loop runs along memory and no sum depends on the machine's vector width.
void multiply(const double* a, const double* b, double* out, std::size_t rows, std::size_t inner,
              std::size_t columns) {
  std::fill_n(out, rows * columns, 0.0);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t k = 0; k < inner; ++k) {
      const double factor = a[r * inner + k];
      for (std::size_t c = 0; c < columns; ++c) {
        out[r * columns + c] += factor * b[k * columns + c];
      }
    }
  }
}

// Soft threshold of all but the first.
void shrink(std::vector<double>& spectrum, double times) {
  double size = 0;
  for (std::size_t i = 1; i < spectrum.size(); ++i) {
    size += std::abs(spectrum[i]);
  }
  const double threshold = times * size / static_cast<double>(spectrum.size() - 1);
  for (std::size_t i = 1; i < spectrum.size(); ++i) {
    spectrum[i] = std::copysign(std::max(std::abs(spectrum[i]) - threshold, 0.0), spectrum[i]);
  }
}

} // namespace

CosineWaves::CosineWaves(Shape grid)
    : grid_(grid), down_(wave_matrix(grid.height)), down_back_(transposed(down_, grid.height)),
      across_back_(wave_matrix(grid.width)), across_(transposed(across_back_, grid.width)),
      spectrum_(grid.pixels()), half_(grid.pixels()) {}

void CosineWaves::denoise(std::vector<double>& values, double times) {
  const auto [h, w] = grid_;
  multiply(down_.data(), values.data(), half_.data(), h, h, w);
  multiply(half_.data(), across_.data(), spectrum_.data(), h, w, w);
  shrink(spectrum_, times);
  multiply(down_back_.data(), spectrum_.data(), half_.data(), h, h, w);
  multiply(half_.data(), across_back_.data(), values.data(), h, w, w);
}

std::size_t CosineWaves::state_bytes() const {
  const std::size_t numbers = down_.capacity() + down_back_.capacity() + across_.capacity() +
                              across_back_.capacity() + spectrum_.capacity() + half_.capacity();
  return numbers * sizeof(double);
}

} // namespace kinfast
