#include "kinfast/site/process.hpp"
#include "kinfast/site/sample.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <unistd.h>

using namespace kinfast;

namespace {

// A folder of its own, gone at the end.
class Folder {
public:
  Folder()
      : path_(std::filesystem::temp_directory_path() /
              ("kinfast_test_site_" + std::to_string(getpid()))) {
    std::filesystem::create_directories(path_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }

  // Writes a little-endian, uncompressed grey TIFF in one strip.
  std::string write(const std::string& name, Shape shape,
                    const std::vector<std::uint16_t>& pixels) const {
    std::string bytes("II*\0\x08\0\0\0", 8);
    const auto put = [&bytes](std::uint64_t value, int n_bytes) {
      for (int i = 0; i < n_bytes; ++i) {
        bytes.push_back(static_cast<char>(value >> (8 * i)));
      }
    };
    const std::vector<std::pair<std::uint64_t, std::uint64_t>> tags{{256, shape.width},
                                                                    {257, shape.height},
                                                                    {258, 16},
                                                                    {259, 1},
                                                                    {262, 1},
                                                                    {273, 8 + 2 + 9 * 12 + 4},
                                                                    {277, 1},
                                                                    {278, shape.height},
                                                                    {279, pixels.size() * 2}};
    put(tags.size(), 2);
    for (const auto& [tag, value] : tags) {
      put(tag, 2);
      put(4, 2); // LONG
      put(1, 4);
      put(value, 4);
    }
    put(0, 4);
    for (const auto pixel : pixels) {
      put(pixel, 2);
    }
    const std::string path = (path_ / name).string();
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }

private:
  std::filesystem::path path_;
};

std::vector<std::uint16_t> ramp(Shape shape, std::uint16_t start) {
  std::vector<std::uint16_t> pixels(shape.pixels());
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    pixels[i] = static_cast<std::uint16_t>(start + i);
  }
  return pixels;
}

ChannelPlan plain_plan(float high) {
  ChannelPlan plan;
  plan.flatfield.reshape({1, 1});
  plan.flatfield.view().data[0] = 1.0F;
  plan.darkfield.reshape({1, 1});
  plan.darkfield.view().data[0] = 0.0F;
  plan.window = {0.0F, high};
  return plan;
}

constexpr Shape kRaw{4, 8};
constexpr Shape kStored{2, 4};

} // namespace

TEST_CASE("channels are interleaved, and any number of threads gives the same bytes") {
  const Folder folder;
  std::vector<SitePaths> sites;
  for (int site = 0; site < 5; ++site) {
    const auto name = std::to_string(site);
    sites.push_back(
        {{folder.write(name + "a.tif", kRaw, ramp(kRaw, static_cast<std::uint16_t>(site)))},
         {folder.write(name + "b.tif", kRaw, std::vector<std::uint16_t>(kRaw.pixels(), 100))}});
  }
  const std::vector<ChannelPlan> plans{plain_plan(255.0F), plain_plan(100.0F)};
  std::vector<std::uint8_t> first;
  for (const int threads : {1, 2, 7}) {
    std::vector<std::uint8_t> out(5 * kStored.pixels() * 2, 1);
    const auto results = process_sites(sites, plans, kRaw, {out.data(), kStored}, threads);
    REQUIRE(results.size() == 5);
    CHECK(results[3][0].error.empty());
    CHECK(results[3][0].statistics.minimum == 3);
    CHECK(results[3][0].corrected_mean == doctest::Approx(3.0 + 15.5));
    CHECK(results[3][1].nuclei == -1);
    CHECK(results[0][1].pixel_hash == results[4][1].pixel_hash);
    CHECK(results[0][0].file_hash != results[4][0].file_hash);
    CHECK(out[0] == 4); // the mean of 0, 1, 8, 9, rounded half to even
    CHECK(out[1] == 255);
    first = first.empty() ? out : first;
    CHECK(out == first);
  }
}

TEST_CASE("a site with a bad channel leaves zeros, and says why; its neighbours are done") {
  const Folder folder;
  const auto good = folder.write("good.tif", kRaw, ramp(kRaw, 50));
  const auto small = folder.write("small.tif", {2, 8}, ramp({2, 8}, 50));
  const std::vector<SitePaths> sites{
      {{good}, {good}}, {{good}, {small}}, {{good}, {}}, {{good}, {good + ".not"}}};
  const std::vector<ChannelPlan> plans{plain_plan(255.0F), plain_plan(255.0F)};
  std::vector<std::uint8_t> out(4 * kStored.pixels() * 2, 77);
  const auto results = process_sites(sites, plans, kRaw, {out.data(), kStored}, 2);
  CHECK(results[0][1].error.empty());
  CHECK(out[0] == 54);
  CHECK(results[1][1].error == "image is 2x8 pixels, wanted 4x8");
  CHECK(results[1][1].error_path == small);
  CHECK(results[1][0].error.empty());
  CHECK(results[2][1].error == "no image");
  CHECK(results[3][1].error_path == good + ".not");
  CHECK(results[3][1].error.find(good) == std::string::npos); // the path stands by itself
  const std::size_t site_bytes = kStored.pixels() * 2;
  CHECK(std::vector<std::uint8_t>(out.begin() + static_cast<std::ptrdiff_t>(site_bytes),
                                  out.end()) == std::vector<std::uint8_t>(3 * site_bytes, 0));
}

TEST_CASE("planes are projected, and nuclei counted where a threshold is given") {
  const Folder folder;
  // Large enough that a nucleus lies off the rim, where its centre might be outside.
  constexpr Shape kLarge{16, 16};
  constexpr Shape kHalf{8, 8};
  const auto with_nucleus_at = [&](std::size_t corner) {
    auto pixels = std::vector<std::uint16_t>(kLarge.pixels(), 10);
    for (const std::size_t row : {corner, corner + 1}) {
      std::fill_n(pixels.begin() + static_cast<std::ptrdiff_t>(row * kLarge.width + corner), 2,
                  std::uint16_t{5000});
    }
    return pixels;
  };
  const std::vector<SitePaths> sites{{{folder.write("z1.tif", kLarge, with_nucleus_at(4)),
                                       folder.write("z2.tif", kLarge, with_nucleus_at(10))}}};
  std::vector<ChannelPlan> plans{plain_plan(255.0F)};
  plans[0].nuclei_threshold = 1000.0F;
  plans[0].nuclei_min_area = 1;
  std::vector<std::uint8_t> out(kHalf.pixels());
  const auto results = process_sites(sites, plans, kLarge, {out.data(), kHalf}, 1);
  CHECK(results[0][0].nuclei == 2);
  CHECK(results[0][0].nuclei_pixels == 2);
  CHECK(results[0][0].statistics.maximum == 5000);
}

TEST_CASE("plans that cannot work are refused") {
  std::vector<std::uint8_t> out(kStored.pixels());
  const std::vector<SitePaths> sites{{{"a.tif"}}};
  std::vector<ChannelPlan> plans{plain_plan(0.0F)};
  CHECK_THROWS_AS(process_sites(sites, plans, kRaw, {out.data(), kStored}, 1),
                  std::invalid_argument);
  plans[0].window.high = 1.0F;
  CHECK_THROWS_AS(process_sites(sites, plans, {1, 1}, {out.data(), kStored}, 1),
                  std::invalid_argument);
  plans.push_back(plain_plan(1.0F));
  CHECK_THROWS_AS(process_sites(sites, plans, kRaw, {out.data(), kStored}, 1),
                  std::invalid_argument);
}

TEST_CASE("a field sample sums up what could be read") {
  const Folder folder;
  const auto one = folder.write("one.tif", kRaw, ramp(kRaw, 0));
  const auto two = folder.write("two.tif", kRaw, ramp(kRaw, 100));
  const auto odd = folder.write("odd.tif", {2, 2}, ramp({2, 2}, 0));
  for (const int threads : {1, 3}) {
    const auto sample =
        sample_field({{odd}, {one}, {"no.tif"}, {two}}, 2, 3, std::nullopt, threads);
    CHECK(sample.shape == kRaw);
    CHECK(sample.grid == Shape{2, 4});
    CHECK(sample.sampled == Shape{2, 3});
    CHECK(sample.n_images == 2);
    REQUIRE(sample.failed.size() == 2);
    CHECK(sample.failed[0].first == 0);
    CHECK(sample.failed[1].first == 2);
    CHECK(sample.grid_mean[0] == 4.5 + 50.0);
    CHECK(sample.pixel_min[0] == 4.5);
    CHECK(sample.thumbnails[8] == 104.5F);
    CHECK(sample.samples ==
          std::vector<std::uint16_t>{0, 3, 6, 24, 27, 30, 100, 103, 106, 124, 127, 130});
  }
}

TEST_CASE("a field sample of nothing is empty") {
  const auto sample = sample_field({{"no.tif"}}, 2, 1, std::nullopt, 1);
  CHECK(sample.n_images == 0);
  CHECK(sample.shape == Shape{});
  CHECK(sample.grid_mean.empty());
  CHECK_THROWS_AS(sample_field({}, 0, 1, std::nullopt, 1), std::invalid_argument);
}
