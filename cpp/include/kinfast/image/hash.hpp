// XXH64, a fast hash that is not cryptographic: to see that two files or images are the same.
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
  explicit Hasher(std::uint64_t seed = 0);

  void add(std::span<const std::byte> data);
  std::uint64_t hash() const;

private:
  static constexpr std::size_t kStripe = 32;

  std::uint64_t seed_;
  std::array<std::uint64_t, 4> lanes_;
  std::array<std::byte, kStripe> rest_{}; // the beginning of a stripe
  std::uint64_t length_ = 0;              // of all data so far
};

// Chain several files by giving each the hash of those before as its seed.
std::uint64_t hash_bytes(std::span<const std::byte> data, std::uint64_t seed = 0);

} // namespace kinfast
