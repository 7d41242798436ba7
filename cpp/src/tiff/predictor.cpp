#include "kinfast/tiff/predictor.hpp"

#include <bit>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace kinfast::tiff {
namespace {

// memcpy, since a row of a file may lie at any address.
template <typename Word> Word load(const std::byte* from) {
  Word word;
  std::memcpy(&word, from, sizeof(Word));
  return word;
}

template <typename Word> void store(std::byte* to, Word word) {
  std::memcpy(to, &word, sizeof(Word));
}

template <typename Word> void accumulate(std::span<std::byte> row, std::size_t samples) {
  const std::size_t n = row.size() / sizeof(Word);
  std::byte* const bytes = row.data();
  for (std::size_t sample = 0; sample < samples && sample < n; ++sample) {
    Word sum = load<Word>(bytes + sample * sizeof(Word));
    for (std::size_t i = sample + samples; i < n; i += samples) {
      sum = static_cast<Word>(sum + load<Word>(bytes + i * sizeof(Word)));
      store(bytes + i * sizeof(Word), sum);
    }
  }
}

} // namespace

void undo_horizontal(std::span<std::byte> row, std::size_t samples, unsigned bytes_per_sample) {
  switch (bytes_per_sample) {
  case 1:
    return accumulate<std::uint8_t>(row, samples);
  case 2:
    return accumulate<std::uint16_t>(row, samples);
  case 4:
    return accumulate<std::uint32_t>(row, samples);
  default:
    return accumulate<std::uint64_t>(row, samples);
  }
}

void undo_floating_point(std::span<std::byte> row, std::size_t samples, unsigned bytes_per_sample,
                         std::span<std::byte> scratch) {
  accumulate<std::uint8_t>(row, samples);
  std::memcpy(scratch.data(), row.data(), row.size());
  const std::size_t n = row.size() / bytes_per_sample;
  for (unsigned significance = 0; significance < bytes_per_sample; ++significance) {
    const unsigned place = std::endian::native == std::endian::little
                               ? bytes_per_sample - 1 - significance
                               : significance;
    const std::byte* const from = scratch.data() + significance * n;
    for (std::size_t i = 0; i < n; ++i) {
      row[i * bytes_per_sample + place] = from[i];
    }
  }
}

} // namespace kinfast::tiff
