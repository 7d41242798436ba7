#include "kinfast/tiff/predictor.hpp"

#include <bit>
#include <cstdint>
#include <cstring>
#include <utility>

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

using Eight = std::uint16_t __attribute__((vector_size(16)));

Eight load_eight(const std::byte* from) {
  Eight values;
  std::memcpy(&values, from, sizeof(values));
  return values;
}

// Grey pixels of 16 bits, eight at once: sums over 2, 4 and 8 of them by shifted copies, so that a
// step waits for the one before with a single addition. Any processor that has vectors has these.
// Returns the number of pixels done, and the last one's value.
std::pair<std::size_t, std::uint16_t> accumulate_by_eight(std::byte* row, std::size_t n) {
  const Eight zero = {};
  Eight carry = {};
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    Eight sum = load_eight(row + 2 * i);
    sum += __builtin_shufflevector(zero, sum, 0, 8, 9, 10, 11, 12, 13, 14);
    sum += __builtin_shufflevector(zero, sum, 0, 1, 8, 9, 10, 11, 12, 13);
    sum += __builtin_shufflevector(zero, sum, 0, 1, 2, 3, 8, 9, 10, 11);
    sum += carry;
    std::memcpy(row + 2 * i, &sum, sizeof(sum));
    carry = __builtin_shufflevector(sum, sum, 7, 7, 7, 7, 7, 7, 7, 7);
  }
  const std::uint16_t last = carry[0]; // Clang lends no reference to an element
  return {i, last};
}

void accumulate_grey16(std::span<std::byte> row) {
  const std::size_t n = row.size() / 2;
  auto [i, sum] = accumulate_by_eight(row.data(), n);
  for (; i < n; ++i) {
    sum = static_cast<std::uint16_t>(sum + load<std::uint16_t>(row.data() + 2 * i));
    store(row.data() + 2 * i, sum);
  }
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
    return samples == 1 ? accumulate_grey16(row) : accumulate<std::uint16_t>(row, samples);
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
