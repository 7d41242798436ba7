// What the tables of a Deflate block hold.
//
//   one or two literals       second << 24 | first << 16 | number << 14 | kNoMatch | bits
//   literal, then a length    length - 3 << 24 | literal << 16 | 1 << 14 | word << 8 | bits
//   a length                  length - 3 << 24 | word << 8 | bits
//   a distance                base << 16 | word << 8 | bits
//   a longer code word        start << 16 | kRare | kMore | bits of the second lookup << 8 | bits
//   the end of the block      kRare | bits
//
// `bits` is what an entry takes off the stream, so that one shift serves whatever it is; of those,
// `word` are the code words, and the rest the extra bits of a length (then kMore is set) or of a
// distance.
#pragma once

#include "kinfast/tiff/inflate.hpp"

#include <cstdint>

namespace kinfast::tiff::inflate {

inline constexpr std::uint32_t kBits = 0x3F;
inline constexpr std::uint32_t kNoMatch = 1U << 7;
inline constexpr unsigned kWordShift = 8;
inline constexpr std::uint32_t kWord = 0xF;
inline constexpr std::uint32_t kRare = 1U << 12;
inline constexpr std::uint32_t kMore = 1U << 13;
inline constexpr unsigned kNumberShift = 14;
inline constexpr std::uint32_t kNumber = 0x3;
inline constexpr unsigned kValueShift = 16;
inline constexpr unsigned kSecondShift = 24;  // of a second literal or a length
inline constexpr std::uint32_t kShortest = 3; // match

inline std::uint32_t bits_of(std::uint32_t entry) { return entry & kBits; }
inline std::uint32_t word_of(std::uint32_t entry) { return entry >> kWordShift & kWord; }
inline std::uint32_t literals_of(std::uint32_t entry) { return entry >> kNumberShift & kNumber; }
inline std::uint32_t value_of(std::uint32_t entry) { return entry >> kValueShift; }
inline std::uint32_t length_of(std::uint32_t entry) { return (entry >> kSecondShift) + kShortest; }

// Of an entry of the literal table: its bits, and those of the lookup of a distance behind it.
inline std::uint32_t step_of(std::uint32_t entry) {
  return bits_of(entry) | ((entry & kNoMatch) != 0 ? 0 : kDistanceBits << kNextShift);
}

} // namespace kinfast::tiff::inflate
