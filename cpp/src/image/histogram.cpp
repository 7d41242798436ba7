#include "kinfast/image/histogram.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

#include "rows.hpp"

namespace kinfast {
namespace {

constexpr std::size_t kTables = 4; // of the row kernel count_blocks
constexpr std::size_t kMostHashers = 2;
constexpr std::size_t kBlockPixels = Hasher::kBlock / sizeof(std::uint16_t);

} // namespace

Histogram::Histogram() : tables_(kTables * kLevels) {}

void Histogram::clear() {
  const std::size_t used = added_up_ ? kLevels : tables_.size();
  std::fill_n(tables_.begin(), used, 0U);
  n_pixels_ = 0;
  added_up_ = false;
}

void Histogram::add(std::span<const std::uint16_t> pixels) { add(pixels, {}); }

void Histogram::add(std::span<const std::uint16_t> pixels, std::span<Hasher* const> hashers) {
  n_pixels_ += pixels.size();
  added_up_ = false;
  if (n_pixels_ > 0xFFFFFFFFU) {
    throw std::invalid_argument("a histogram of " + std::to_string(n_pixels_) +
                                " pixels: wanted fewer than 2^32");
  }
  if (hashers.size() > kMostHashers) {
    throw std::invalid_argument("a histogram beside " + std::to_string(hashers.size()) +
                                " hashers: wanted at most 2");
  }
  // Each hasher has blocks of its own, which begin where it has filled up the one before.
  std::size_t n_blocks = pixels.size() / kBlockPixels;
  std::array<std::span<const std::byte>, kMostHashers> unhashed;
  std::array<HashRun, kMostHashers> runs{};
  for (std::size_t i = 0; i < hashers.size(); ++i) {
    unhashed[i] = hashers[i]->fill_block(std::as_bytes(pixels));
    n_blocks = std::min(n_blocks, hashers[i]->n_whole_blocks(unhashed[i]));
    runs[i] = {unhashed[i].data(), hashers[i]->lanes()};
  }
  row_kernels().count_blocks(std::as_bytes(pixels).data(), n_blocks, tables_.data(), runs.data(),
                             hashers.size());
  for (std::size_t i = 0; i < hashers.size(); ++i) {
    hashers[i]->skip_mixed(unhashed[i].data(), n_blocks);
    hashers[i]->add(unhashed[i].subspan(n_blocks * Hasher::kBlock));
  }
  for (std::size_t i = n_blocks * kBlockPixels; i < pixels.size(); ++i) {
    ++tables_[i % kTables * kLevels + pixels[i]];
  }
}

std::span<const std::uint32_t, kLevels> Histogram::counts() {
  std::uint32_t* const first = tables_.data();
  for (std::size_t table = 1; table < kTables; ++table) {
    std::uint32_t* const other = first + table * kLevels;
    for (std::size_t level = 0; level < kLevels; ++level) {
      first[level] += other[level];
      other[level] = 0;
    }
  }
  added_up_ = true;
  return std::span<const std::uint32_t, kLevels>(first, kLevels);
}

} // namespace kinfast
