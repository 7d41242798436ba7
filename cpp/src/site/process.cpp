// Glossary. plan: how a channel is processed. worker: the memory of one thread, made once.
// An image is gone over once, band by band: each is counted and hashed, measured for focus,
// corrected and added up to stored pixels while it is in the second-level cache.
#include "kinfast/site/process.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <exception>
#include <memory>
#include <stdexcept>

#include "kinfast/illumination/correct.hpp"
#include "kinfast/image/hash.hpp"
#include "kinfast/parallel/parallel_for.hpp"
#include "kinfast/quality/detail.hpp"
#include "kinfast/quality/nuclei.hpp"
#include "kinfast/site/shrink.hpp"
#include "kinfast/site/source.hpp"
#include "rows.hpp"

namespace kinfast {
namespace {

// A plan with its fields laid out for the plate's images.
struct PreparedPlan {
  const ChannelPlan* plan;
  Field gain;
  Field dark;

  PreparedPlan(const ChannelPlan& source, Shape raw)
      : plan(&source), gain(gain_field(source.flatfield.view(), raw)),
        dark(dark_field(source.darkfield.view(), raw)) {
    check_window(source.window);
  }
};

struct Worker {
  SourceReader reader;
  StatisticsMeter meter;
  NucleusCounter counter;
  CorrectingResizer resizer;
  ImageBuffer<float> resized;
  std::vector<std::uint8_t> levels;

  Worker(Shape raw, Shape stored)
      : resizer(raw, stored), resized(stored), levels(stored.pixels()) {}
};

// What one core's second-level cache holds beside everything else.
constexpr std::size_t kBandBytes = 128 * 1024;

void pass_over_rows(ImageView<const std::uint16_t> raw, const PreparedPlan& prepared,
                    Worker& worker, ChannelResult& result) {
  const std::size_t width = raw.shape.width;
  const std::size_t band = std::max<std::size_t>(1, kBandBytes / (width * sizeof(std::uint16_t)));
  Hasher hasher;
  Hasher* const file_hasher = worker.reader.hash_without_pixels();
  const std::array hashers{&hasher, file_hasher};
  worker.meter.start(raw);
  worker.resizer.start(prepared.gain, prepared.dark, worker.resized.view());
  for (std::size_t begin = 0; begin < raw.shape.height; begin += band) {
    const std::size_t end = std::min(begin + band, raw.shape.height);
    worker.meter.add_rows(raw, begin, end, std::span(hashers).first(file_hasher ? 2 : 1));
    worker.resizer.make_rows(raw, end);
  }
  result.pixel_hash = hasher.hash();
  result.file_hash = worker.reader.file_hash();
}

// Each row is added up from left to right and then the rows from the top, so that the order is
// fixed and sums stay small; four rows go on at once, since each addition waits for the one before
// it.
template <typename Term> double mean_over_rows(ImageView<const float> image, const Term& term) {
  constexpr std::size_t kRows = 4;
  double total = 0.0;
  for (std::size_t y = 0; y < image.shape.height; y += kRows) {
    const std::size_t n_rows = std::min(kRows, image.shape.height - y);
    std::array<const float*, kRows> rows{}; // beyond the last row, that row again
    for (std::size_t i = 0; i < kRows; ++i) {
      rows[i] = image.row(y + std::min(i, n_rows - 1));
    }
    std::array<double, kRows> sums{};
    for (std::size_t x = 0; x < image.shape.width; ++x) {
      for (std::size_t i = 0; i < kRows; ++i) {
        sums[i] += term(double{rows[i][x]});
      }
    }
    for (std::size_t i = 0; i < n_rows; ++i) {
      total += sums[i];
    }
  }
  return total / static_cast<double>(image.pixels());
}

void set_moments(ImageView<const float> image, ChannelResult& result) {
  const double mean = mean_over_rows(image, [](double value) { return value; });
  result.corrected_mean = mean;
  result.corrected_std = std::sqrt(
      mean_over_rows(image, [mean](double value) { return (value - mean) * (value - mean); }));
}

void store_channel(const std::vector<std::uint8_t>& levels, std::uint8_t* out,
                   std::size_t n_channels) {
  for (std::size_t i = 0; i < levels.size(); ++i) {
    out[i * n_channels] = levels[i];
  }
}

void count_nuclei(const ChannelPlan& plan, Worker& worker, ChannelResult& result) {
  if (!plan.nuclei_threshold) {
    return;
  }
  const auto found =
      worker.counter.count(worker.resized.view(), *plan.nuclei_threshold, plan.nuclei_min_area);
  result.nuclei = static_cast<std::int64_t>(found.nuclei);
  result.nuclei_pixels = static_cast<std::int64_t>(found.pixels);
}

// `out` is the channel's first byte in the store; the channels are interleaved.
ChannelResult process_channel(const ChannelPlanes& planes, const PreparedPlan& prepared,
                              Worker& worker, std::uint8_t* out, std::size_t n_channels) {
  const ChannelPlan& plan = *prepared.plan;
  ChannelResult result;
  try {
    const auto raw = worker.reader.read(planes, prepared.gain.image());
    pass_over_rows(raw, prepared, worker, result);
    result.statistics = worker.meter.finish(raw, plan.saturation_value);
    const ImageView<const float> resized = worker.resized.view();
    set_moments(resized, result);
    result.detail = detail(resized);
    result.bits = worker.reader.bits();
    count_nuclei(plan, worker, result);
    quantise({resized.data, resized.pixels()}, plan.window, worker.levels.data());
    store_channel(worker.levels, out, n_channels);
  } catch (const SourceError& error) {
    result = {};
    result.error = error.what();
    result.error_path = error.path();
  }
  return result;
}

void check_sites(const std::vector<SitePaths>& sites, std::size_t n_channels) {
  for (std::size_t i = 0; i < sites.size(); ++i) {
    if (sites[i].size() != n_channels) {
      throw std::invalid_argument("site " + std::to_string(i) + " has " +
                                  std::to_string(sites[i].size()) + " channels, there are " +
                                  std::to_string(n_channels) + " plans");
    }
  }
}

void clear_bad_sites(const std::vector<std::vector<ChannelResult>>& results, const SiteRows& out,
                     std::size_t site_bytes) {
  for (std::size_t i = 0; i < results.size(); ++i) {
    const bool bad = std::any_of(results[i].begin(), results[i].end(),
                                 [](const ChannelResult& result) { return !result.error.empty(); });
    if (bad) {
      std::fill_n(out.data + i * site_bytes, site_bytes, std::uint8_t{0});
    }
  }
}

} // namespace

void check_plan(const ChannelPlan& plan) {
  const Shape any_shape{1, 1};
  static_cast<void>(PreparedPlan(plan, any_shape));
}

std::vector<std::vector<ChannelResult>> process_sites(const std::vector<SitePaths>& sites,
                                                      std::span<const ChannelPlan> plans, Shape raw,
                                                      const SiteRows& out, int threads) {
  const std::size_t n_channels = plans.size();
  check_sites(sites, n_channels);
  std::vector<PreparedPlan> prepared;
  prepared.reserve(n_channels);
  for (const ChannelPlan& plan : plans) {
    prepared.emplace_back(plan, raw);
  }
  const std::size_t n_tasks = sites.size() * n_channels;
  const std::size_t n_workers =
      std::min(std::max<std::size_t>(n_tasks, 1), static_cast<std::size_t>(std::max(threads, 1)));
  std::vector<Worker> workers;
  workers.reserve(n_workers);
  for (std::size_t i = 0; i < n_workers; ++i) {
    workers.emplace_back(raw, out.stored);
  }
  const std::size_t site_bytes = out.stored.pixels() * n_channels;
  std::vector<std::vector<ChannelResult>> results(sites.size());
  for (auto& channels : results) {
    channels.resize(n_channels);
  }
  parallel_for(n_tasks, threads, [&](std::size_t task, std::size_t worker) {
    const std::size_t site = task / n_channels;
    const std::size_t channel = task % n_channels;
    results[site][channel] =
        process_channel(sites[site][channel], prepared[channel], workers[worker],
                        out.data + site * site_bytes + channel, n_channels);
  });
  clear_bad_sites(results, out, site_bytes);
  return results;
}

} // namespace kinfast
