// What is fuzzed below the level of a file: each fast codec against its plain twin.
#pragma once

#include "kinfast/tiff/codec.hpp"

#include <cstddef>
#include <span>

namespace kinfast::fuzz {

// Decodes `in` into `size` bytes in every way there is. Throws Mismatch where two disagree.
void compare_codecs(tiff::Compression compression, std::span<const std::byte> in, std::size_t size);

// An input that is no TIFF file but a bare stream or row: a letter that says of what kind, two
// bytes of parameters, then the bytes. Anything else is left alone.
void compare_stream(std::span<const std::byte> input);

} // namespace kinfast::fuzz
