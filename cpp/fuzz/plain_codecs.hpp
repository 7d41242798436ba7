// Slow and obvious twins of what cpp/src/tiff does fast. They share no code with it.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace kinfast::fuzz {

using Bytes = std::vector<std::byte>;

// At most `most` bytes; nothing for a code that cannot be. The old style is the first libtiff's.
std::optional<Bytes> plain_lzw(std::span<const std::byte> in, std::size_t most, bool old_style);

// Native samples whose differences along the row were stored.
Bytes plain_horizontal(std::span<const std::byte> row, std::size_t samples,
                       std::size_t bytes_per_sample);
Bytes plain_floating_point(std::span<const std::byte> row, std::size_t samples,
                           std::size_t bytes_per_sample);
// `n` samples of `bits` bits, the first bit the highest, each in `bytes_per_sample` native bytes.
Bytes plain_unpack(std::span<const std::byte> packed, std::size_t n, std::size_t bits,
                   std::size_t bytes_per_sample);

} // namespace kinfast::fuzz
