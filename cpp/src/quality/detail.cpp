#include "kinfast/quality/detail.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace kinfast {
namespace {

constexpr std::size_t kScales = 4;
constexpr std::size_t kSmallest = std::size_t{1} << kScales;

// Halves an image, odd last rows and columns left out, and gives the mean square of what each
// pixel differs by from its 2 x 2 mean.
double halve(ImageView<const float> image, ImageView<float> half) {
  double total = 0.0;
  for (std::size_t y = 0; y < half.shape.height; ++y) {
    const float* above = image.row(2 * y);
    const float* below = image.row(2 * y + 1);
    double sum = 0.0;
    for (std::size_t x = 0; x < half.shape.width; ++x) {
      const std::array<float, 4> four{above[2 * x], above[2 * x + 1], below[2 * x],
                                      below[2 * x + 1]};
      const float mean = (four[0] + four[1] + (four[2] + four[3])) * 0.25F;
      const std::array<double, 4> off{four[0] - mean, four[1] - mean, four[2] - mean,
                                      four[3] - mean};
      sum += (off[0] * off[0] + off[1] * off[1]) + (off[2] * off[2] + off[3] * off[3]);
      half.row(y)[x] = mean;
    }
    total += sum;
  }
  return total / static_cast<double>(4 * half.pixels());
}

} // namespace

double detail(ImageView<const float> image) {
  if (std::min(image.shape.height, image.shape.width) < kSmallest) {
    return 0.0;
  }
  std::array<double, kScales> energies{};
  std::vector<float> here;
  std::vector<float> next;
  for (double& energy : energies) {
    const Shape shape{image.shape.height / 2, image.shape.width / 2};
    next.resize(shape.pixels());
    energy = halve(image, {next.data(), shape});
    here.swap(next);
    image = {here.data(), shape};
  }
  const double coarse = energies[2] + energies[3];
  return coarse > 0.0 ? (energies[0] + energies[1]) / coarse : 0.0;
}

} // namespace kinfast
