// Every instruction set gives the scalar kernels' bits, at every length and alignment.
#include "rows.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <random>
#include <span>
#include <utility>
#include <vector>

using namespace kinfast;

namespace {

constexpr std::size_t kLongest = 300;
constexpr std::size_t kSlack = 4; // for unaligned beginnings

struct Data {
  std::vector<std::uint16_t> pixels, other_pixels;
  std::vector<std::int16_t> binned, other_binned;
  std::vector<std::uint8_t> bytes;
  std::vector<float> values, dark, flat;

  explicit Data(unsigned seed) {
    std::mt19937 generator(seed);
    std::uniform_real_distribution<float> uniform(-400.0F, 70000.0F);
    for (std::size_t i = 0; i < 40 * (kLongest + kSlack); ++i) {
      pixels.push_back(static_cast<std::uint16_t>(generator()));
      other_pixels.push_back(static_cast<std::uint16_t>(generator() % 3000));
      binned.push_back(static_cast<std::int16_t>(generator() % 2 * 2046));
      other_binned.push_back(static_cast<std::int16_t>(generator() % 2047));
      bytes.push_back(static_cast<std::uint8_t>(generator()));
      values.push_back(uniform(generator));
      dark.push_back(uniform(generator) / 100.0F);
      flat.push_back(0.3F + uniform(generator) / 70000.0F + 0.1F);
    }
  }
};

// What all kernels make of the same input, as one string of bytes.
std::vector<unsigned char> run(const RowKernels& kernels, const Data& data, std::size_t n,
                               std::size_t offset) {
  std::vector<unsigned char> result;
  const auto keep = [&result](const auto& values) {
    const std::size_t size = values.size() * sizeof(values[0]);
    if (size > 0) {
      const std::size_t old = result.size();
      result.resize(old + size);
      std::memcpy(result.data() + old, values.data(), size);
    }
  };
  const std::uint16_t* pixels = data.pixels.data() + offset;
  const float* values = data.values.data() + offset;
  const float* dark = data.dark.data() + offset;
  const float* flat = data.flat.data() + offset;

  std::vector<std::uint16_t> maxima(data.other_pixels.data(), data.other_pixels.data() + n);
  kernels.max_row(pixels, maxima.data(), n);
  keep(maxima);
  std::vector<std::uint32_t> sums(n, 7);
  kernels.add_row(pixels, sums.data(), n);
  keep(sums);
  std::vector<float> floats(n);
  kernels.blend_row({values, dark, 0.37F}, floats.data(), n);
  keep(floats);
  kernels.correct_row(pixels, {dark, values, 0.013F}, {flat, flat, 0.6F}, floats.data(), n);
  keep(floats);
  const float weights[kMostCorrected] = {0.1F, 0.25F, 0.3F, 0.5F, 0.7F, 1.0F};
  for (std::size_t rows = 1; rows <= kMostCorrected; ++rows) {
    for (const float* below : {values, dark}) {
      kernels.add_corrected(pixels, n, {dark, below, weights}, {flat, values, weights + 1}, weights,
                            std::min(rows, kMostCorrected - 1), floats.data());
      keep(floats);
    }
  }
  const std::vector<Coverage> covered{
      {0, 0, 0.7F, 0.0F}, {0, n, 0.3F, 0.2F}, {n, n + 1, 0.1F, 1.0F}};
  std::vector<float> means(4 * covered.size());
  std::vector<float> joined(4 * n);
  kernels.join_rows(values, joined.data(), n);
  keep(joined);
  kernels.mean_columns(values, covered.data(), 8.5, means.data(), covered.size());
  keep(means);
  std::fill(floats.begin(), floats.end(), 0.5F);
  kernels.accumulate_row(dark, 0.13F, floats.data(), n);
  keep(floats);
  std::vector<std::uint8_t> levels(n);
  kernels.quantise_row(values, 100.0F, 0.004F, levels.data(), n);
  keep(levels);
  std::vector<std::int16_t> binned(n);
  kernels.bin_row(pixels, data.other_pixels.data() + offset, 900, 3, binned.data(), n);
  keep(binned);
  const FocusSums focus =
      kernels.focus_row(data.binned.data() + offset, data.other_binned.data() + offset, n);
  keep(std::vector<std::int64_t>{focus.curvature, focus.slope, focus.energy});
  // Four of seven, three of five, the same one twice, more than there are; one of many.
  for (const auto& [n_channels, channels] :
       std::vector<std::pair<std::size_t, std::vector<std::int64_t>>>{
           {7, {6, 0, 2, 1}}, {5, {4, 0, 2}}, {3, {1, 1}}, {2, {1, 0, 1}}, {40, {39}}}) {
    std::vector<std::uint8_t> picked(channels.size() * n);
    kernels.pick_row(data.bytes.data() + offset, n_channels, channels.data(), channels.size(),
                     picked.data(), n);
    keep(picked);
  }
  const std::byte* bytes = std::as_bytes(std::span(data.bytes)).data() + offset;
  std::vector<std::uint64_t> lanes{1, 2, 3, 4, 5, 6, 7, ~std::uint64_t{0}};
  kernels.hash_stripes(bytes, n % 17, hash_secret(), lanes.data());
  kernels.hash_blocks(bytes, n % 5, lanes.data());
  keep(lanes);
  return result;
}

} // namespace

TEST_CASE("every instruction set gives the scalar bits") {
  const RowKernels& scalar = row_kernels(Isa::scalar);
  const Data data(1);
  for (const Isa isa : available_isas()) {
    for (std::size_t n = 0; n <= kLongest; n += n < 70 ? 1 : 23) {
      for (std::size_t offset = 0; offset < kSlack; ++offset) {
        CAPTURE(isa_name(isa));
        CAPTURE(n);
        REQUIRE(run(row_kernels(isa), data, n, offset) == run(scalar, data, n, offset));
      }
    }
  }
}

TEST_CASE("counting blocks beside hashing gives the bits of one after the other") {
  const Data data(3);
  const std::byte* bytes = std::as_bytes(std::span(data.bytes)).data();
  for (const Isa isa : available_isas()) {
    const RowKernels& kernels = row_kernels(isa);
    for (std::size_t n_runs = 0; n_runs <= 2; ++n_runs) {
      for (std::size_t n_blocks = 0; n_blocks <= 4; ++n_blocks) {
        CAPTURE(isa_name(isa));
        CAPTURE(n_runs);
        CAPTURE(n_blocks);
        std::vector<std::uint32_t> counts(4 * kLevels, 3);
        std::vector<std::uint64_t> lanes{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
        auto apart = lanes;
        auto counted = counts;
        const HashRun runs[2] = {{bytes + 7, lanes.data()}, {bytes + 90, lanes.data() + 8}};
        kernels.count_blocks(bytes + 1, n_blocks, counts.data(), runs, n_runs);
        for (std::size_t i = 0; i < n_runs; ++i) {
          kernels.hash_blocks(runs[i].data, n_blocks, apart.data() + 8 * i);
        }
        for (std::size_t i = 0; i < n_blocks * Hasher::kBlock / 2; ++i) {
          std::uint16_t pixel = 0;
          std::memcpy(&pixel, bytes + 1 + 2 * i, sizeof pixel);
          ++counted[i % 4 * kLevels + pixel];
        }
        REQUIRE(lanes == apart);
        REQUIRE(counts == counted);
      }
    }
  }
}

TEST_CASE("correcting and adding rows in one gives the bits of one after the other") {
  const Data data(2);
  constexpr std::size_t kWidth = 61;
  const float weights[kMostCorrected] = {0.1F, 0.25F, 0.3F, 0.5F, 0.7F, 1.0F};
  const float shares[kMostCorrected] = {0.4F, 1.0F, 1.0F, 1.0F, 1.0F, 0.8F};
  for (const Isa isa : available_isas()) {
    const RowKernels& kernels = row_kernels(isa);
    for (const float* below : {data.values.data(), data.dark.data()}) {
      const BlendedRows dark{data.dark.data(), below, weights};
      const BlendedRows gain{data.flat.data(), data.flat.data() + 1, weights};
      for (std::size_t n_rows = 1; n_rows <= kMostCorrected; ++n_rows) {
        std::vector<float> sums(data.values.begin(), data.values.begin() + kWidth);
        std::vector<float> fused = sums;
        std::vector<float> row(kWidth);
        for (std::size_t y = 0; y < n_rows; ++y) {
          kernels.correct_row(data.pixels.data() + y * kWidth, {dark.top, dark.bottom, weights[y]},
                              {gain.top, gain.bottom, weights[y]}, row.data(), kWidth);
          kernels.accumulate_row(row.data(), shares[y], sums.data(), kWidth);
        }
        kernels.add_corrected(data.pixels.data(), kWidth, dark, gain, shares, n_rows, fused.data());
        CAPTURE(isa_name(isa));
        CAPTURE(n_rows);
        REQUIRE(fused == sums);
      }
    }
  }
}

TEST_CASE("the focus sums do not overflow at the largest differences") {
  std::vector<std::int16_t> row(4096);
  for (std::size_t i = 0; i < row.size(); ++i) {
    row[i] = i % 2 == 0 ? 2046 : 0;
  }
  for (const Isa isa : available_isas()) {
    const FocusSums sums = row_kernels(isa).focus_row(row.data(), row.data(), row.size());
    CHECK(sums.curvature == std::int64_t{4094} * 4092 * 4092);
    CHECK(sums.slope == 0);
    CHECK(sums.energy == 0);
  }
}
