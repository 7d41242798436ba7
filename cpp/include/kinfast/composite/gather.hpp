// Minibatches and composites out of the store: sites and channels in any order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace kinfast {

// Images of n_pixels pixels, each n_channels bytes, one site after another; borrowed.
struct SiteStore {
  const std::uint8_t* data = nullptr;
  std::size_t n_sites = 0;
  std::size_t n_pixels = 0;
  std::size_t n_channels = 0;
};

// out[i, p, j] = store[sites[i], p, channels[j]]; out has sites.size() * n_pixels *
// channels.size() bytes and does not overlap the store. Sites and channels may repeat.
// Throws std::out_of_range for a site or channel that is not there, before anything is written.
void gather_sites(const SiteStore& store, std::span<const std::int64_t> sites,
                  std::span<const std::int64_t> channels, std::uint8_t* out, int threads);

} // namespace kinfast
