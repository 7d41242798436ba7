// What the fuzzer and the replay of a corpus both run on one input.
#pragma once

#include <cstddef>
#include <span>

namespace kinfast::fuzz {

enum class Outcome { pixels, error };

// Describes and decodes the first pages of `file`. Any exception outside the decoder's own tree is
// let through.
Outcome decode_bytes(std::span<const std::byte> file);

} // namespace kinfast::fuzz
