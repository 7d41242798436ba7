// Eight bytes at any address as one word.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace kinfast::tiff {

inline std::uint64_t load_8(const std::byte* bytes) {
  std::uint64_t word;
  std::memcpy(&word, bytes, 8);
  return word;
}

inline std::uint64_t load_big_endian(const std::byte* bytes) {
  const std::uint64_t word = load_8(bytes);
  return std::endian::native == std::endian::little ? __builtin_bswap64(word) : word;
}

inline std::uint64_t load_little_endian(const std::byte* bytes) {
  const std::uint64_t word = load_8(bytes);
  return std::endian::native == std::endian::little ? word : __builtin_bswap64(word);
}

} // namespace kinfast::tiff
