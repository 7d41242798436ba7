// XXH64: four independent lanes take eight bytes each in turn, so that four multiplications are
// under way at once; what is left over is mixed in one piece at a time.
#include "kinfast/image/hash.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace kinfast {
namespace {

constexpr std::uint64_t kPrime1 = 0x9E3779B185EBCA87U;
constexpr std::uint64_t kPrime2 = 0xC2B2AE3D27D4EB4FU;
constexpr std::uint64_t kPrime3 = 0x165667B19E3779F9U;
constexpr std::uint64_t kPrime4 = 0x85EBCA77C2B2AE63U;
constexpr std::uint64_t kPrime5 = 0x27D4EB2F165667C5U;

std::uint64_t load64(const std::byte* at) {
  std::uint64_t value = 0;
  std::memcpy(&value, at, sizeof value);
  if constexpr (std::endian::native == std::endian::big) {
    value = __builtin_bswap64(value);
  }
  return value;
}

std::uint64_t load32(const std::byte* at) {
  std::uint32_t value = 0;
  std::memcpy(&value, at, sizeof value);
  if constexpr (std::endian::native == std::endian::big) {
    value = __builtin_bswap32(value);
  }
  return value;
}

std::uint64_t mix_lane(std::uint64_t lane, std::uint64_t input) {
  return std::rotl(lane + input * kPrime2, 31) * kPrime1;
}

std::uint64_t merge_lane(std::uint64_t hash, std::uint64_t lane) {
  return (hash ^ mix_lane(0, lane)) * kPrime1 + kPrime4;
}

// `data` is whole stripes of 32 bytes.
void mix_stripes(std::array<std::uint64_t, 4>& lanes, std::span<const std::byte> data) {
  auto [lane1, lane2, lane3, lane4] = lanes; // in registers, whatever `data` might alias
  const std::byte* at = data.data();
  for (const std::byte* const end = at + data.size(); at != end; at += 32) {
    lane1 = mix_lane(lane1, load64(at));
    lane2 = mix_lane(lane2, load64(at + 8));
    lane3 = mix_lane(lane3, load64(at + 16));
    lane4 = mix_lane(lane4, load64(at + 24));
  }
  lanes = {lane1, lane2, lane3, lane4};
}

std::uint64_t hash_rest(std::span<const std::byte> data, std::uint64_t hash) {
  while (data.size() >= 8) {
    hash = std::rotl(hash ^ mix_lane(0, load64(data.data())), 27) * kPrime1 + kPrime4;
    data = data.subspan(8);
  }
  if (data.size() >= 4) {
    hash = std::rotl(hash ^ (load32(data.data()) * kPrime1), 23) * kPrime2 + kPrime3;
    data = data.subspan(4);
  }
  for (const std::byte byte : data) {
    hash = std::rotl(hash ^ (std::to_integer<std::uint64_t>(byte) * kPrime5), 11) * kPrime1;
  }
  return hash;
}

} // namespace

Hasher::Hasher(std::uint64_t seed)
    : seed_(seed), lanes_{seed + kPrime1 + kPrime2, seed + kPrime2, seed, seed - kPrime1} {}

void Hasher::add(std::span<const std::byte> data) {
  const std::size_t held = length_ % kStripe;
  length_ += data.size();
  if (held > 0) { // fill up the stripe that was begun
    const std::size_t taken = std::min(kStripe - held, data.size());
    std::copy_n(data.begin(), taken, rest_.begin() + static_cast<std::ptrdiff_t>(held));
    data = data.subspan(taken);
    if (held + taken < kStripe) {
      return;
    }
    mix_stripes(lanes_, rest_);
  }
  const std::size_t whole = data.size() / kStripe * kStripe;
  mix_stripes(lanes_, data.first(whole));
  std::copy(data.begin() + static_cast<std::ptrdiff_t>(whole), data.end(), rest_.begin());
}

std::uint64_t Hasher::hash() const {
  std::uint64_t hash = seed_ + kPrime5;
  if (length_ >= kStripe) {
    hash = std::rotl(lanes_[0], 1) + std::rotl(lanes_[1], 7) + std::rotl(lanes_[2], 12) +
           std::rotl(lanes_[3], 18);
    for (const std::uint64_t lane : lanes_) {
      hash = merge_lane(hash, lane);
    }
  }
  hash = hash_rest(std::span(rest_).first(length_ % kStripe), hash + length_);
  hash = (hash ^ (hash >> 33)) * kPrime2;
  hash = (hash ^ (hash >> 29)) * kPrime3;
  return hash ^ (hash >> 32);
}

std::uint64_t hash_bytes(std::span<const std::byte> data, std::uint64_t seed) {
  Hasher hasher(seed);
  hasher.add(data);
  return hasher.hash();
}

} // namespace kinfast
