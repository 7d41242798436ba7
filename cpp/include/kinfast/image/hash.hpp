// A fast hash that is not cryptographic: to see that two files or images are the same.
//
// XXH3 (64 bits, no seed), which a vector unit computes as fast as it reads; data of up to 240
// bytes, for which XXH3 has other formulas, get XXH64 instead, which is simpler.
// Source: the published specification, github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace kinfast {

// Hashes data that comes in pieces, of any sizes: the same as the whole at once.
class Hasher {
public:
  Hasher();

  void add(std::span<const std::byte> data);
  std::uint64_t hash() const;

  // For those who mix whole blocks by themselves beside other work (see histogram.hpp). First fill
  // up the block that waits, and go on with what is given back of the data; of that, mix up to
  // n_whole_blocks() into lanes(), and say how many it were.
  static constexpr std::size_t kBlock = 1024;
  std::span<const std::byte> fill_block(std::span<const std::byte> data);
  std::size_t n_whole_blocks(std::span<const std::byte> data) const;
  std::uint64_t* lanes() { return lanes_.data(); }
  void skip_mixed(const std::byte* data, std::size_t n_blocks);

private:
  static constexpr std::size_t kStripe = 64;

  std::array<std::uint64_t, 8> lanes_;
  // The end of what was mixed, a stripe, and behind it what waits: a block at most, and at least
  // one byte once there was one, since the last stripe is mixed in another way.
  std::array<std::byte, kStripe + kBlock> rest_{};
  std::size_t waiting_ = 0;
  std::uint64_t length_ = 0; // of all data so far
};

std::uint64_t hash_bytes(std::span<const std::byte> data);

} // namespace kinfast
