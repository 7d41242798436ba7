// XXH64, a fast hash that is not cryptographic: to see that two files or images are the same.
// Source: the published specification, github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace kinfast {

// Chain several pieces by giving each the hash of those before as its seed.
std::uint64_t hash_bytes(std::span<const std::byte> data, std::uint64_t seed = 0);

} // namespace kinfast
