// Pass one over a plate x channel: what the illumination fit and the intensity window need to know
// of a sample of sites.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kinfast/image/view.hpp"

namespace kinfast {

// Grid cell i of g covers pixels i * n / g up to (i + 1) * n / g, rounded down: whole pixels, so
// that its sum is an integer and no order of threads can change it.
struct FieldSample {
  Shape shape;   // of the raw images that went in; 0x0 if none did
  Shape grid;    // cells
  Shape sampled; // of one image's samples
  std::size_t n_images = 0;
  std::vector<double> grid_mean;      // grid: mean counts over images and cell
  std::vector<double> pixel_min;      // grid: the smallest of the images' cell means
  std::vector<float> thumbnails;      // n_images x grid: cell means
  std::vector<std::uint16_t> samples; // n_images x sampled: every stride-th pixel from (0, 0)
  std::vector<std::pair<std::size_t, std::string>> failed; // index into the sources, reason
};

// Reads every source, which is a list of planes (paths) that are max-projected.
//   grid_side: cells along the shorter side of the image; fewer where it has fewer pixels.
//   shape: what an image must be; without one, what most of the readable sources are (of equally
//   common shapes, the one seen first).
// What cannot be read, or has another shape, is listed as failed. Throws std::invalid_argument
// where grid_side or stride is 0.
FieldSample sample_field(const std::vector<std::vector<std::string>>& sources,
                         std::size_t grid_side, std::size_t stride, std::optional<Shape> shape,
                         int threads);

} // namespace kinfast
