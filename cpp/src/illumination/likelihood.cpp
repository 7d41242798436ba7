// Steps of the likelihood fit. A step goes three times over all cells: the bins of what is left of
// them, the score's sums by image and by place, and the bins of what is left after the step, which
// is the next step's beginning. Whatever depends on a cell by its bin alone (both likelihoods, the
// information) is summed over bins.
#include "kinfast/illumination/likelihood.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <string>

namespace kinfast {
namespace {

constexpr std::size_t kBins = 600;
// Values, evenly picked, that the density's ends are taken from.
constexpr std::size_t kSpreadValues = 5000;
constexpr double kLowShare = 0.001;
constexpr double kHighShare = 0.999;
// Room below and above those ends, as a share of what lies between them.
constexpr double kRoom = 0.2;
constexpr double kNarrowest = 1e-4; // of all bins together
constexpr double kFloor = 1e-3;     // of a bin's density, over the bins: logarithms exist
constexpr double kNormalHalf =
    1.35; // the densest half of a normal distribution, over its deviation
constexpr double kLeastInformation = 1e-12;
constexpr std::array kSteps = {1.0, 0.5, 0.25, 0.125, 0.0625};

using Bin = std::uint16_t;
using Counts = std::array<std::uint32_t, kBins>;

// A smoothed histogram's logarithm, and minus its slope (the score), bin by bin.
struct Density {
  float low = 0;
  float per_unit = 0;
  Counts counts{};
  std::array<double, kBins> log{};
  std::array<double, kBins> score{};
};

void bins_of(const Density& density, std::span<const float> values, Bin* bins) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float scaled = (values[i] - density.low) * density.per_unit;
    // 0 where it is not a number, so that no input leaves the bins
    bins[i] = static_cast<Bin>(
        static_cast<int>(std::min(std::max(0.0F, scaled), static_cast<float>(kBins - 1))));
  }
}

// Neighbours are often of one bin: four histograms, so that a count need not wait for the last one.
class Histogram {
public:
  void add(std::span<const Bin> bins) {
    std::size_t i = 0;
    for (; i + 4 <= bins.size(); i += 4) {
      for (std::size_t part = 0; part < 4; ++part) {
        ++parts_[part][bins[i + part]];
      }
    }
    for (; i < bins.size(); ++i) {
      ++parts_[0][bins[i]];
    }
  }

  Counts sum() const {
    Counts counts{};
    for (const Counts& part : parts_) {
      for (std::size_t b = 0; b < kBins; ++b) {
        counts[b] += part[b];
      }
    }
    return counts;
  }

private:
  std::array<Counts, 4> parts_{};
};

// The value below which `share` of some values lies, between its neighbours in proportion.
double quantile(std::vector<float>& some, double share) {
  const double place = share * static_cast<double>(some.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const auto at = some.begin() + static_cast<std::ptrdiff_t>(below);
  std::nth_element(some.begin(), at, some.end());
  const double low = *at;
  const double high = at + 1 == some.end() ? low : *std::min_element(at + 1, some.end());
  return low + (place - static_cast<double>(below)) * (high - low);
}

// Bins that the densest half of all values takes up, parts of bins included.
double densest_half(const Counts& counts, double total) {
  double narrowest = static_cast<double>(kBins);
  double inside = 0; // of bins first … last - 1
  std::size_t last = 0;
  for (std::size_t first = 0; first < kBins; ++first) {
    while (inside < total / 2 && last < kBins) {
      inside += counts[last++];
    }
    if (inside < total / 2) {
      break;
    }
    const double beyond = (inside - total / 2) / std::max<double>(counts[last - 1], 1);
    narrowest = std::min(narrowest, static_cast<double>(last - first) - beyond);
    inside -= counts[first];
  }
  return narrowest;
}

std::array<double, kBins> smooth(const Counts& counts, double sigma) {
  const std::size_t reach = std::min(static_cast<std::size_t>(4 * sigma) + 1, kBins);
  std::vector<double> kernel(reach + 1);
  double sum = 0;
  for (std::size_t k = 0; k <= reach; ++k) {
    const double away = static_cast<double>(k) / sigma;
    kernel[k] = std::exp(-0.5 * away * away);
    sum += k == 0 ? kernel[k] : 2 * kernel[k];
  }
  std::vector<double> padded(kBins + 2 * reach, 0.0);
  std::copy(counts.begin(), counts.end(), padded.begin() + static_cast<std::ptrdiff_t>(reach));
  std::array<double, kBins> out{};
  for (std::size_t b = 0; b < kBins; ++b) {
    out[b] = kernel[0] * padded[reach + b];
  }
  for (std::size_t k = 1; k <= reach; ++k) {
    const double weight = kernel[k];
    const double* left = padded.data() + reach - k;
    const double* right = padded.data() + reach + k;
    for (std::size_t b = 0; b < kBins; ++b) {
      out[b] += weight * (left[b] + right[b]);
    }
  }
  for (double& count : out) {
    count /= sum;
  }
  return out;
}

// The density of what is left, and the bin of each value.
Density density_of(const std::vector<float>& rest, double bandwidth, std::vector<Bin>& bins) {
  const std::size_t stride = std::max<std::size_t>(1, rest.size() / kSpreadValues);
  std::vector<float> some;
  some.reserve(rest.size() / stride + 1);
  for (std::size_t i = 0; i < rest.size(); i += stride) {
    some.push_back(rest[i]);
  }
  const double bottom = quantile(some, kLowShare);
  const double top = quantile(some, kHighShare);
  const double width =
      std::max((1 + 2 * kRoom) * (top - bottom), kNarrowest) / static_cast<double>(kBins);
  Density density;
  density.low = static_cast<float>(bottom - kRoom * (top - bottom));
  density.per_unit = static_cast<float>(1 / width);
  bins.resize(rest.size());
  bins_of(density, rest, bins.data());
  Histogram histogram;
  histogram.add(bins);
  density.counts = histogram.sum();
  const auto total = static_cast<double>(rest.size());
  const double spread = densest_half(density.counts, total) / kNormalHalf;
  const auto smoothed = smooth(density.counts, std::max(1.0, bandwidth * spread));
  double sum = 0;
  for (const double count : smoothed) {
    sum += count;
  }
  for (std::size_t b = 0; b < kBins; ++b) {
    density.log[b] = std::log(smoothed[b] / sum + kFloor / static_cast<double>(kBins));
  }
  for (std::size_t b = 0; b < kBins; ++b) {
    const std::size_t left = b == 0 ? 0 : b - 1;
    const std::size_t right = std::min(b + 1, kBins - 1);
    density.score[b] =
        -(density.log[right] - density.log[left]) / (static_cast<double>(right - left) * width);
  }
  return density;
}

void check(const LogImages& images, const SmoothFit& fit) {
  const Shape shape = images.logs.shape;
  const std::size_t terms = images.basis.shape.width;
  if (shape.pixels() == 0 || images.basis.shape.height != shape.width ||
      images.inverse.shape != Shape{terms, terms} || fit.levels.size() != shape.height ||
      fit.terms.size() != terms) {
    throw std::invalid_argument(
        "logs " + to_string(shape) + ", basis " + to_string(images.basis.shape) + ", inverse " +
        to_string(images.inverse.shape) + ", " + std::to_string(fit.levels.size()) + " levels, " +
        std::to_string(fit.terms.size()) + " terms do not fit together");
  }
}

std::vector<float> surface_of(const LogImages& images, const SmoothFit& fit) {
  const std::size_t cells = images.logs.shape.width;
  std::vector<float> surface(cells);
  for (std::size_t j = 0; j < cells; ++j) {
    const double* row = images.basis.row(j);
    double sum = 0;
    for (std::size_t t = 0; t < fit.terms.size(); ++t) {
      sum += row[t] * fit.terms[t];
    }
    surface[j] = static_cast<float>(sum);
  }
  return surface;
}

// What is left of the logs, image by image.
void residuals(const LogImages& images, const SmoothFit& fit, std::vector<float>& rest) {
  const auto [n, cells] = images.logs.shape;
  const std::vector<float> surface = surface_of(images, fit);
  rest.resize(n * cells);
  for (std::size_t i = 0; i < n; ++i) {
    const float* from = images.logs.row(i);
    float* to = rest.data() + i * cells;
    const float level = fit.levels[i];
    for (std::size_t j = 0; j < cells; ++j) {
      to[j] = from[j] - level - surface[j];
    }
  }
}

// Least squares of values at the cells by the basis.
std::vector<double> terms_of(const LogImages& images, const double* values) {
  const std::size_t n_terms = images.basis.shape.width;
  std::vector<double> products(n_terms, 0.0);
  for (std::size_t j = 0; j < images.basis.shape.height; ++j) {
    const double* row = images.basis.row(j);
    for (std::size_t t = 0; t < n_terms; ++t) {
      products[t] += row[t] * values[j];
    }
  }
  std::vector<double> terms(n_terms, 0.0);
  for (std::size_t t = 0; t < n_terms; ++t) {
    for (std::size_t u = 0; u < n_terms; ++u) {
      terms[t] += images.inverse.row(t)[u] * products[u];
    }
  }
  return terms;
}

double log_likelihood(const Density& density, const Counts& counts) {
  double sum = 0;
  for (std::size_t b = 0; b < kBins; ++b) {
    sum += static_cast<double>(counts[b]) * density.log[b];
  }
  return sum;
}

double log_likelihood(const Density& density, const std::vector<float>& rest, std::size_t at_once) {
  std::vector<Bin> bins(at_once);
  Histogram histogram;
  for (std::size_t first = 0; first < rest.size(); first += at_once) {
    const std::span values = std::span(rest).subspan(first, std::min(at_once, rest.size() - first));
    bins_of(density, values, bins.data());
    histogram.add(std::span(bins).first(values.size()));
  }
  return log_likelihood(density, histogram.sum());
}

struct Direction {
  std::vector<double> levels, terms;
};

Direction direction_of(const LogImages& images, const Density& density,
                       const std::vector<Bin>& bins) {
  const auto [n, cells] = images.logs.shape;
  double information = 0;
  for (std::size_t b = 0; b < kBins; ++b) {
    information += static_cast<double>(density.counts[b]) * density.score[b] * density.score[b];
  }
  information = std::max(information / static_cast<double>(bins.size()), kLeastInformation);
  std::vector<double> by_cell(cells, 0.0);
  std::vector<double> lifts(n);
  for (std::size_t i = 0; i < n; ++i) {
    const Bin* row = bins.data() + i * cells;
    double sum = 0;
    for (std::size_t j = 0; j < cells; ++j) {
      const double pull = density.score[row[j]];
      by_cell[j] += pull;
      sum += pull;
    }
    lifts[i] = sum / static_cast<double>(cells) / information;
  }
  for (double& pull : by_cell) {
    pull /= static_cast<double>(n) * information;
  }
  return {std::move(lifts), terms_of(images, by_cell.data())};
}

SmoothFit moved(const SmoothFit& fit, const Direction& direction, double size) {
  SmoothFit next = fit;
  for (std::size_t i = 0; i < next.levels.size(); ++i) {
    next.levels[i] += static_cast<float>(size * direction.levels[i]);
  }
  for (std::size_t t = 0; t < next.terms.size(); ++t) {
    next.terms[t] += size * direction.terms[t];
  }
  return next;
}

} // namespace

void climb_likelihood(const LogImages& images, std::span<const double> bandwidths, SmoothFit& fit) {
  check(images, fit);
  std::vector<float> rest;
  std::vector<float> next_rest;
  std::vector<Bin> bins;
  residuals(images, fit, rest);
  for (const double bandwidth : bandwidths) {
    const Density density = density_of(rest, bandwidth, bins);
    const Direction direction = direction_of(images, density, bins);
    const double before = log_likelihood(density, density.counts);
    for (const double size : kSteps) {
      SmoothFit next = moved(fit, direction, size);
      residuals(images, next, next_rest);
      if (log_likelihood(density, next_rest, images.logs.shape.width) >= before) {
        fit = std::move(next);
        rest.swap(next_rest);
        break;
      }
    }
  }
}

void image_pulls(const LogImages& images, double bandwidth, const SmoothFit& fit,
                 ImageView<double> out) {
  check(images, fit);
  if (out.shape != Shape{images.logs.shape.height, images.basis.shape.width}) {
    throw std::invalid_argument("pulls go into images x terms numbers");
  }
  std::vector<float> rest;
  residuals(images, fit, rest);
  std::vector<Bin> bins;
  const Density density = density_of(rest, bandwidth, bins);
  const auto [n, cells] = images.logs.shape;
  std::vector<double> pulls(cells);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < cells; ++j) {
      pulls[j] = density.score[bins[i * cells + j]];
    }
    const auto terms = terms_of(images, pulls.data());
    std::copy(terms.begin(), terms.end(), out.row(i));
  }
}

} // namespace kinfast
