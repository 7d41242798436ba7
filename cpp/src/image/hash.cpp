// XXH64: four independent lanes take eight bytes each in turn, so that four multiplications are
// under way at once; what is left over is mixed in one piece at a time.
#include "kinfast/image/hash.hpp"

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

// Takes whole stripes of 32 bytes off `data`.
std::uint64_t hash_stripes(std::span<const std::byte>& data, std::uint64_t seed) {
  std::uint64_t lane1 = seed + kPrime1 + kPrime2;
  std::uint64_t lane2 = seed + kPrime2;
  std::uint64_t lane3 = seed;
  std::uint64_t lane4 = seed - kPrime1;
  const std::byte* at = data.data();
  const std::byte* const end = at + data.size() / 32 * 32;
  for (; at != end; at += 32) {
    lane1 = mix_lane(lane1, load64(at));
    lane2 = mix_lane(lane2, load64(at + 8));
    lane3 = mix_lane(lane3, load64(at + 16));
    lane4 = mix_lane(lane4, load64(at + 24));
  }
  data = data.last(data.size() % 32);
  std::uint64_t hash =
      std::rotl(lane1, 1) + std::rotl(lane2, 7) + std::rotl(lane3, 12) + std::rotl(lane4, 18);
  for (const std::uint64_t lane : {lane1, lane2, lane3, lane4}) {
    hash = merge_lane(hash, lane);
  }
  return hash;
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

std::uint64_t hash_bytes(std::span<const std::byte> data, std::uint64_t seed) {
  const std::size_t length = data.size();
  std::uint64_t hash = length >= 32 ? hash_stripes(data, seed) : seed + kPrime5;
  hash = hash_rest(data, hash + length);
  hash = (hash ^ (hash >> 33)) * kPrime2;
  hash = (hash ^ (hash >> 29)) * kPrime3;
  return hash ^ (hash >> 32);
}

} // namespace kinfast
