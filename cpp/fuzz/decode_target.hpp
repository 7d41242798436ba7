// What the fuzzer and the replay of a corpus both run on one input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace kinfast::fuzz {

enum class Outcome { pixels, error };

// Describes and decodes the first pages of `file`, from memory and from a file in two ways, and
// each of their compressed strips and tiles by every codec there is; pages of more than `max_bytes`
// are refused. Throws Mismatch where two ways disagree; any exception outside the decoder's own
// tree is let through.
Outcome decode_bytes(std::span<const std::byte> file, std::uint64_t max_bytes);

} // namespace kinfast::fuzz
