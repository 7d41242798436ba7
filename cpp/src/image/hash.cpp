// XXH3: eight lanes of 64 bits take a stripe of 64 bytes at a time, each multiplying the halves of
// its keyed input; no lane waits for another, so that vectors do all eight at once (the row kernel
// hash_blocks). XXH64, for what is short, takes it one piece after another.
#include "kinfast/image/hash.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "rows.hpp"

namespace kinfast {
namespace {

constexpr std::size_t kLongestShort = 240; // XXH3's own border

constexpr std::uint64_t kPrime1 = 0x9E3779B185EBCA87U;
constexpr std::uint64_t kPrime2 = 0xC2B2AE3D27D4EB4FU;
constexpr std::uint64_t kPrime3 = 0x165667B19E3779F9U;
constexpr std::uint64_t kPrime4 = 0x85EBCA77C2B2AE63U;
constexpr std::uint64_t kPrime5 = 0x27D4EB2F165667C5U;
constexpr std::uint64_t kPrime32_1 = 0x9E3779B1U;
constexpr std::uint64_t kPrime32_2 = 0x85EBCA77U;
constexpr std::uint64_t kPrime32_3 = 0xC2B2AE3DU;
constexpr std::uint64_t kAvalanche = 0x165667919E3779F9U;

constexpr std::size_t kLastStripeSecret = 192 - 64 - 7; // where its keys begin in the secret
constexpr std::size_t kMergeSecret = 11;                // and those of the lanes' merging

template <typename T> std::uint64_t load(const std::byte* at) {
  T value = 0;
  std::memcpy(&value, at, sizeof value);
  if constexpr (std::endian::native == std::endian::big) {
    value = sizeof value == 8
                ? static_cast<T>(__builtin_bswap64(value))
                : static_cast<T>(__builtin_bswap32(static_cast<std::uint32_t>(value)));
  }
  return value;
}

std::uint64_t mix_lane(std::uint64_t lane, std::uint64_t input) {
  return std::rotl(lane + input * kPrime2, 31) * kPrime1;
}

std::uint64_t merge_lane(std::uint64_t hash, std::uint64_t lane) {
  return (hash ^ mix_lane(0, lane)) * kPrime1 + kPrime4;
}

// The stripes of XXH64, 32 bytes each, into its first value.
std::uint64_t xxh64_stripes(std::span<const std::byte> data) {
  std::array<std::uint64_t, 4> lanes{kPrime1 + kPrime2, kPrime2, 0, 0 - kPrime1};
  for (; data.size() >= 32; data = data.subspan(32)) {
    for (std::size_t i = 0; i < lanes.size(); ++i) {
      lanes[i] = mix_lane(lanes[i], load<std::uint64_t>(data.data() + 8 * i));
    }
  }
  std::uint64_t hash = std::rotl(lanes[0], 1) + std::rotl(lanes[1], 7) + std::rotl(lanes[2], 12) +
                       std::rotl(lanes[3], 18);
  for (const std::uint64_t lane : lanes) {
    hash = merge_lane(hash, lane);
  }
  return hash;
}

std::uint64_t xxh64(std::span<const std::byte> data) {
  std::uint64_t hash = (data.size() < 32 ? kPrime5 : xxh64_stripes(data)) + data.size();
  for (data = data.last(data.size() % 32); data.size() >= 8; data = data.subspan(8)) {
    hash = std::rotl(hash ^ mix_lane(0, load<std::uint64_t>(data.data())), 27) * kPrime1 + kPrime4;
  }
  if (data.size() >= 4) {
    hash = std::rotl(hash ^ (load<std::uint32_t>(data.data()) * kPrime1), 23) * kPrime2 + kPrime3;
    data = data.subspan(4);
  }
  for (const std::byte byte : data) {
    hash = std::rotl(hash ^ (std::to_integer<std::uint64_t>(byte) * kPrime5), 11) * kPrime1;
  }
  hash = (hash ^ (hash >> 33)) * kPrime2;
  hash = (hash ^ (hash >> 29)) * kPrime3;
  return hash ^ (hash >> 32);
}

// The upper and the lower half of the product, one upon the other.
std::uint64_t fold_product(std::uint64_t one, std::uint64_t other) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = Wide{one} * other;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t merge_lanes(const std::array<std::uint64_t, 8>& lanes, std::uint64_t length) {
  std::uint64_t hash = length * kPrime1;
  for (std::size_t i = 0; i < lanes.size(); i += 2) {
    const std::byte* key = hash_secret() + kMergeSecret + 8 * i;
    hash += fold_product(lanes[i] ^ load<std::uint64_t>(key),
                         lanes[i + 1] ^ load<std::uint64_t>(key + 8));
  }
  hash = (hash ^ (hash >> 37)) * kAvalanche;
  return hash ^ (hash >> 32);
}

} // namespace

Hasher::Hasher()
    : lanes_{kPrime32_3, kPrime1, kPrime2, kPrime3, kPrime4, kPrime32_2, kPrime5, kPrime32_1} {}

std::span<const std::byte> Hasher::fill_block(std::span<const std::byte> data) {
  if (waiting_ == 0 || data.empty()) {
    return data;
  }
  const std::size_t taken = std::min(kBlock - waiting_, data.size());
  std::memcpy(rest_.data() + kStripe + waiting_, data.data(), taken);
  waiting_ += taken;
  length_ += taken;
  data = data.subspan(taken);
  if (waiting_ == kBlock && !data.empty()) {
    row_kernels().hash_blocks(rest_.data() + kStripe, 1, lanes_.data());
    std::copy_n(rest_.data() + kBlock, kStripe, rest_.begin());
    waiting_ = 0;
  }
  return data;
}

// A block is whole where more is behind it.
std::size_t Hasher::n_whole_blocks(std::span<const std::byte> data) const {
  return waiting_ > 0 || data.empty() ? 0 : (data.size() - 1) / kBlock;
}

void Hasher::skip_mixed(const std::byte* data, std::size_t n_blocks) {
  if (n_blocks > 0) {
    std::copy_n(data + n_blocks * kBlock - kStripe, kStripe, rest_.begin());
    length_ += n_blocks * kBlock;
  }
}

void Hasher::add(std::span<const std::byte> data) {
  data = fill_block(data);
  if (data.empty()) {
    return;
  }
  const std::size_t n_blocks = n_whole_blocks(data); // nothing to be joined: no copy
  row_kernels().hash_blocks(data.data(), n_blocks, lanes_.data());
  skip_mixed(data.data(), n_blocks);
  data = data.subspan(n_blocks * kBlock);
  std::memcpy(rest_.data() + kStripe, data.data(), data.size());
  waiting_ = data.size();
  length_ += data.size();
}

std::uint64_t Hasher::hash() const {
  const std::span waiting = std::span(rest_).subspan(kStripe, waiting_);
  if (length_ <= kLongestShort) {
    return xxh64(waiting);
  }
  auto lanes = lanes_;
  const RowKernels& kernels = row_kernels();
  const std::size_t n_stripes = (waiting_ - 1) / kStripe;
  kernels.hash_stripes(waiting.data(), n_stripes, hash_secret(), lanes.data());
  // The last 64 bytes, whether or not some of them were mixed before.
  kernels.hash_stripes(rest_.data() + waiting_, 1, hash_secret() + kLastStripeSecret, lanes.data());
  return merge_lanes(lanes, length_);
}

std::uint64_t hash_bytes(std::span<const std::byte> data) {
  Hasher hasher;
  hasher.add(data);
  return hasher.hash();
}

} // namespace kinfast
