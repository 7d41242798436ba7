#include "kinfast/tiff/bits.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

namespace kinfast::tiff {
namespace {

std::uint16_t swapped(std::uint16_t word) { return __builtin_bswap16(word); }
std::uint32_t swapped(std::uint32_t word) { return __builtin_bswap32(word); }
std::uint64_t swapped(std::uint64_t word) { return __builtin_bswap64(word); }

template <typename Word> void swap_words(std::span<std::byte> samples) {
  std::byte* const bytes = samples.data();
  for (std::size_t i = 0; i + sizeof(Word) <= samples.size(); i += sizeof(Word)) {
    Word word;
    std::memcpy(&word, bytes + i, sizeof(Word));
    word = swapped(word);
    std::memcpy(bytes + i, &word, sizeof(Word));
  }
}

constexpr std::array<std::byte, 256> make_reversed() {
  std::array<std::byte, 256> table{};
  for (unsigned value = 0; value < 256; ++value) {
    unsigned reversed = 0;
    for (unsigned bit = 0; bit < 8; ++bit) {
      reversed |= ((value >> bit) & 1U) << (7 - bit);
    }
    table[value] = static_cast<std::byte>(reversed);
  }
  return table;
}

constexpr std::array<std::byte, 256> kReversed = make_reversed();

template <typename Word>
void unpack_words(std::span<const std::byte> packed, std::size_t n, unsigned bits, std::byte* out) {
  const std::uint64_t mask = bits == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
  std::uint64_t held = 0; // the lowest `count` bits are those read and not yet given out
  unsigned count = 0;
  std::size_t read = 0;
  for (std::size_t i = 0; i < n; ++i) {
    std::uint64_t value = 0;
    if (bits <= 56) {
      while (count < bits) {
        held = (held << 8) | std::to_integer<std::uint64_t>(packed[read++]);
        count += 8;
      }
      count -= bits;
      value = (held >> count) & mask;
    } else { // the register has no room for a sample and what is left of the byte before
      const std::size_t first = i * bits;
      for (unsigned bit = 0; bit < bits; ++bit) {
        const std::size_t at = first + bit;
        value =
            (value << 1) | ((std::to_integer<std::uint64_t>(packed[at / 8]) >> (7 - at % 8)) & 1);
      }
    }
    const Word word = static_cast<Word>(value);
    std::memcpy(out + i * sizeof(Word), &word, sizeof(Word));
  }
}

template <typename Sample> void fill(std::span<std::byte> out, double value) {
  const bool fits = value >= static_cast<double>(std::numeric_limits<Sample>::lowest()) &&
                    value <= static_cast<double>(std::numeric_limits<Sample>::max());
  // The largest 64-bit integers round up to a double that no longer fits.
  const bool rounds_up = std::is_integral_v<Sample> && sizeof(Sample) == 8 && value >= 0x1p63;
  const Sample sample = fits && !rounds_up ? static_cast<Sample>(value) : Sample{0};
  for (std::size_t at = 0; at + sizeof(Sample) <= out.size(); at += sizeof(Sample)) {
    std::memcpy(out.data() + at, &sample, sizeof(Sample));
  }
}

} // namespace

void fill_samples(std::span<std::byte> out, const PageInfo& info, double value) {
  const bool is_signed = info.sample_format == SampleFormat::signed_integer;
  const bool is_float = info.sample_format == SampleFormat::ieee_float;
  switch (info.bytes_per_sample) {
  case 1:
    return is_signed ? fill<std::int8_t>(out, value) : fill<std::uint8_t>(out, value);
  case 2: // of half floats only zero is written: C++20 has no such type
    return is_float    ? fill<std::uint16_t>(out, 0)
           : is_signed ? fill<std::int16_t>(out, value)
                       : fill<std::uint16_t>(out, value);
  case 4:
    return is_float    ? fill<float>(out, value)
           : is_signed ? fill<std::int32_t>(out, value)
                       : fill<std::uint32_t>(out, value);
  default:
    return is_float    ? fill<double>(out, value)
           : is_signed ? fill<std::int64_t>(out, value)
                       : fill<std::uint64_t>(out, value);
  }
}

void swap_bytes(std::span<std::byte> samples, unsigned bytes_per_sample) {
  switch (bytes_per_sample) {
  case 2:
    return swap_words<std::uint16_t>(samples);
  case 4:
    return swap_words<std::uint32_t>(samples);
  case 8:
    return swap_words<std::uint64_t>(samples);
  default:
    return;
  }
}

void reverse_bits(std::span<const std::byte> in, std::span<std::byte> out) {
  for (std::size_t i = 0; i < in.size(); ++i) {
    out[i] = kReversed[std::to_integer<std::size_t>(in[i])];
  }
}

void unpack_row(std::span<const std::byte> packed, std::size_t n, unsigned bits,
                std::span<std::byte> out, unsigned bytes_per_sample) {
  switch (bytes_per_sample) {
  case 1:
    return unpack_words<std::uint8_t>(packed, n, bits, out.data());
  case 2:
    return unpack_words<std::uint16_t>(packed, n, bits, out.data());
  case 4:
    return unpack_words<std::uint32_t>(packed, n, bits, out.data());
  default:
    return unpack_words<std::uint64_t>(packed, n, bits, out.data());
  }
}

} // namespace kinfast::tiff
