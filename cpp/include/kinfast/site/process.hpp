// Pass two: sites from their files to the store, in one pass over each image.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kinfast/illumination/field.hpp"
#include "kinfast/image/quantise.hpp"
#include "kinfast/image/view.hpp"
#include "kinfast/quality/statistics.hpp"

namespace kinfast {

// How one channel of a plate is processed; the same for all its sites. Fields are grids.
struct ChannelPlan {
  ImageBuffer<float> flatfield; // (gh, gw), mean 1
  ImageBuffer<float> darkfield; // (gh, gw), counts
  Window window;                // corrected intensities
  std::uint16_t saturation_value = 65535;
  std::optional<float> nuclei_threshold; // of the corrected, resized image
  std::size_t nuclei_min_area = 0;       // pixels of the resized image
};

// Throws std::invalid_argument where a plan cannot work on images: an empty window, a flat-field
// that is not above zero.
void check_plan(const ChannelPlan& plan);

// Of one channel of one site. Where `error` is not empty, it says in one line what is wrong with
// error_path (empty where there is no file), and everything else is zero.
struct ChannelResult {
  std::string error;
  std::string error_path;
  SiteStatistics statistics;
  double corrected_mean = 0.0; // of the corrected, resized image, before quantisation
  double corrected_std = 0.0;
  double detail = 0.0;      // of the same; see detail.hpp
  unsigned bits = 0;        // of a sample in the files
  std::int64_t nuclei = -1; // -1 where no threshold was given; see nuclei.hpp
  std::int64_t nuclei_pixels = 0;
  std::uint64_t file_hash = 0;
  std::uint64_t pixel_hash = 0;
};

using ChannelPlanes = std::vector<std::string>; // paths of the planes of one channel
using SitePaths = std::vector<ChannelPlanes>;   // one a channel

// The store's rows for the sites: n x stored.height x stored.width x plans.size() bytes.
struct SiteRows {
  std::uint8_t* data = nullptr;
  Shape stored;
};

// Decodes, max-projects, measures, corrects, resizes and quantises every channel of every site, and
// counts nuclei where a plan asks for it. `raw` is the shape that every image must have. A site
// with any error leaves zeros in its row. Returns a result for each site and channel, in their
// order. The bytes do not depend on `threads`. Throws std::invalid_argument for plans or shapes
// that cannot work, and nothing because of a file.
std::vector<std::vector<ChannelResult>> process_sites(const std::vector<SitePaths>& sites,
                                                      std::span<const ChannelPlan> plans, Shape raw,
                                                      const SiteRows& out, int threads);

} // namespace kinfast
