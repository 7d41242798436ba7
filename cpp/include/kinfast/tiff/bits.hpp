// Bits and bytes into native samples.
#pragma once

#include "kinfast/tiff/decode.hpp"

#include <cstddef>
#include <span>

namespace kinfast::tiff {

// Turns the bytes of each `bytes_per_sample`-byte sample around, in place.
void swap_bytes(std::span<std::byte> samples, unsigned bytes_per_sample);

// Copies `in` with the bits of each byte turned around (fill order 2). `out` is as long as `in`.
void reverse_bits(std::span<const std::byte> in, std::span<std::byte> out);

// Widens `n` samples of `bits` bits (1 to 64), packed from the most significant bit down, to native
// unsigned integers of `bytes_per_sample`. `packed` holds at least n * bits bits.
void unpack_row(std::span<const std::byte> packed, std::size_t n, unsigned bits,
                std::span<std::byte> out, unsigned bytes_per_sample);

// Sets all samples to `value`, or to 0 where their type cannot hold it.
void fill_samples(std::span<std::byte> out, const PageInfo& info, double value);

} // namespace kinfast::tiff
