// Undoes TIFF's LZW (MSB first, early change) and the LSB-first variant of the first libtiff.
#pragma once

#include "kinfast/tiff/buffer.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace kinfast::tiff {

namespace lzw {
inline constexpr unsigned kClear = 256;
inline constexpr unsigned kEnd = 257;
inline constexpr unsigned kFirstString = 258;
inline constexpr unsigned kMinWidth = 9;
inline constexpr unsigned kMaxWidth = 12;
inline constexpr unsigned kTableSize = 1U << kMaxWidth;
} // namespace lzw

// For any stream, at the speed of one code at a time. Results and errors as LzwDecoder's.
class PlainLzwDecoder {
public:
  std::size_t decode(std::span<const std::byte> in, std::span<std::byte> out);
  std::size_t decode_old_style(std::span<const std::byte> in, std::span<std::byte> out);

private:
  // A string is a stretch of `out`: where it starts and how long it is.
  struct Text {
    std::uint32_t start;
    std::uint32_t length;
  };
  template <bool kOldStyle>
  std::size_t decode_codes(std::span<const std::byte> in, std::span<std::byte> out);

  std::array<Text, lzw::kTableSize> texts_;
};

class LzwDecoder {
public:
  LzwDecoder();

  // Fills `out` from its start; returns how many bytes were written. What does not fit is left out;
  // input that ends without an end code just ends. Throws FormatError for a code that cannot be.
  std::size_t decode(std::span<const std::byte> in, std::span<std::byte> out);

private:
  enum class Step { decoded, cleared, ended, overflowed };
  struct State;

  template <unsigned kWidth> void run(State& state);
  void run_any(State& state);
  Step step(State& state);
  void clear(State& state);

  std::array<std::uint32_t, lzw::kTableSize> strings_;
  Buffer window_;
  PlainLzwDecoder plain_;
};

} // namespace kinfast::tiff
