#include "kinfast/composite/gather.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <vector>

using namespace kinfast;

TEST_CASE("sites and channels come in any order, and may repeat") {
  std::vector<std::uint8_t> bytes(3 * 4 * 5); // 3 sites of 4 pixels and 5 channels
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::uint8_t>(i);
  }
  const SiteStore store{bytes.data(), 3, 4, 5};
  const std::vector<std::int64_t> sites{2, 0, 2};
  for (const std::vector<std::int64_t>& channels :
       {std::vector<std::int64_t>{0, 1, 2, 3, 4}, {4, 4}, {2}, {3, 0, 1}}) {
    for (const int threads : {1, 3}) {
      std::vector<std::uint8_t> out(sites.size() * 4 * channels.size());
      gather_sites(store, sites, channels, out.data(), threads);
      std::size_t at = 0;
      for (const auto site : sites) {
        for (std::size_t pixel = 0; pixel < 4; ++pixel) {
          for (const auto channel : channels) {
            REQUIRE(out[at++] == static_cast<std::uint8_t>(site * 20 + channel) + pixel * 5);
          }
        }
      }
    }
  }
}

TEST_CASE("a site or channel that is not there is refused before anything is written") {
  const std::vector<std::uint8_t> bytes(20, 7);
  const SiteStore store{bytes.data(), 1, 4, 5};
  std::vector<std::uint8_t> out(20, 9);
  const std::vector<std::int64_t> zero{0};
  const std::vector<std::int64_t> one{1};
  const std::vector<std::int64_t> negative{-1};
  const std::vector<std::int64_t> five{5};
  CHECK_THROWS_AS(gather_sites(store, one, zero, out.data(), 1), std::out_of_range);
  CHECK_THROWS_AS(gather_sites(store, negative, zero, out.data(), 1), std::out_of_range);
  CHECK_THROWS_AS(gather_sites(store, zero, five, out.data(), 1), std::out_of_range);
  CHECK(out == std::vector<std::uint8_t>(20, 9));
}
