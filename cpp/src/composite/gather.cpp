#include "kinfast/composite/gather.hpp"

#include <cstring>
#include <stdexcept>
#include <string>

#include "kinfast/parallel/parallel_for.hpp"
#include "rows.hpp"

namespace kinfast {
namespace {

void check_indices(std::span<const std::int64_t> indices, std::size_t size, const char* what) {
  for (const std::int64_t index : indices) {
    if (index < 0 || static_cast<std::size_t>(index) >= size) {
      throw std::out_of_range(std::string(what) + " " + std::to_string(index) +
                              ": the store has 0 to " + std::to_string(size) + ", exclusive");
    }
  }
}

bool takes_all_in_order(std::span<const std::int64_t> channels, std::size_t n_channels) {
  if (channels.size() != n_channels) {
    return false;
  }
  for (std::size_t j = 0; j < n_channels; ++j) {
    if (channels[j] != static_cast<std::int64_t>(j)) {
      return false;
    }
  }
  return true;
}

} // namespace

void gather_sites(const SiteStore& store, std::span<const std::int64_t> sites,
                  std::span<const std::int64_t> channels, std::uint8_t* out, int threads) {
  check_indices(sites, store.n_sites, "site");
  check_indices(channels, store.n_channels, "channel");
  const RowKernels& kernels = row_kernels();
  const bool whole = takes_all_in_order(channels, store.n_channels);
  const std::size_t site_bytes = store.n_pixels * store.n_channels;
  const std::size_t out_bytes = store.n_pixels * channels.size();
  parallel_for(sites.size(), threads, [&](std::size_t i, std::size_t) {
    const std::uint8_t* site = store.data + static_cast<std::size_t>(sites[i]) * site_bytes;
    std::uint8_t* to = out + i * out_bytes;
    if (whole) {
      std::memcpy(to, site, site_bytes);
    } else {
      kernels.pick_row(site, store.n_channels, channels.data(), channels.size(), to,
                       store.n_pixels);
    }
  });
}

} // namespace kinfast
