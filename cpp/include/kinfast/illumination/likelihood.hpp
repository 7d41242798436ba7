// The smooth field under which all images are most likely; see illumination/likelihood.py.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kinfast/image/view.hpp"

namespace kinfast {

// What steps look at; borrowed for the call.
struct LogImages {
  ImageView<const float> logs;     // (images, cells): log of counts above the offset
  ImageView<const double> basis;   // (cells, terms): smooth surfaces without a constant
  ImageView<const double> inverse; // (terms, terms): of the basis' Gram matrix
};

// Where the fit stands: log brightness of each image, and the surface's terms.
struct SmoothFit {
  std::vector<float> levels;
  std::vector<double> terms;
};

// Climbs from `fit` to a greater likelihood, one scoring step for each bandwidth (in units of the
// density's spread), each halved until it does not lower the likelihood.
//
// Model: logs = level(image) + surface(place) + s, s of one distribution at every place, which each
// step takes from the rest of all cells: a histogram under a Gaussian. Same input, same bytes: sums
// have a fixed order.
// Throws std::invalid_argument where shapes do not fit together or there is nothing to look at.
void climb_likelihood(const LogImages& images, std::span<const double> bandwidths, SmoothFit& fit);

// Each image's pull on the terms at `fit`, (images, terms): the step it would make by itself,
// without the information's scale. Throws as climb_likelihood does.
void image_pulls(const LogImages& images, double bandwidth, const SmoothFit& fit,
                 ImageView<double> out);

} // namespace kinfast
