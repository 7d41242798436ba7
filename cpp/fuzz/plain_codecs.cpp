#include "plain_codecs.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>

namespace kinfast::fuzz {
namespace {

constexpr unsigned kClear = 256;
constexpr unsigned kEnd = 257;

unsigned bit_at(std::span<const std::byte> in, std::size_t at, bool lowest_first) {
  const std::size_t shift = lowest_first ? at % 8 : 7 - at % 8;
  return (std::to_integer<unsigned>(in[at / 8]) >> shift) & 1;
}

unsigned read_code(std::span<const std::byte> in, std::size_t at, unsigned width, bool old_style) {
  unsigned code = 0;
  for (unsigned i = 0; i < width; ++i) {
    code |= bit_at(in, at + i, old_style) << (old_style ? i : width - 1 - i);
  }
  return code;
}

// A table as the specification draws it: a string is another one and a byte more.
class Table {
public:
  struct String {
    unsigned before;
    std::byte last;
  };

  std::size_t size() const { return kEnd + 1 + strings_.size(); }
  void clear() { strings_.clear(); }
  void add(unsigned before, std::byte last) { strings_.push_back({before, last}); }
  Bytes text(unsigned code) const {
    Bytes text;
    for (; code > kEnd; code = strings_[code - kEnd - 1].before) {
      text.push_back(strings_[code - kEnd - 1].last);
    }
    text.push_back(static_cast<std::byte>(code));
    std::ranges::reverse(text);
    return text;
  }

private:
  std::vector<String> strings_;
};

// Bytes of a native integer, the least significant one first.
std::size_t place_of(std::size_t significance, std::size_t bytes_per_sample) {
  return std::endian::native == std::endian::little ? significance
                                                    : bytes_per_sample - 1 - significance;
}

std::uint64_t load(std::span<const std::byte> row, std::size_t sample, std::size_t n_bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < n_bytes; ++i) {
    value |= std::to_integer<std::uint64_t>(row[sample * n_bytes + place_of(i, n_bytes)])
             << (8 * i);
  }
  return value;
}

void store(std::span<std::byte> row, std::size_t sample, std::size_t n_bytes, std::uint64_t value) {
  for (std::size_t i = 0; i < n_bytes; ++i) {
    row[sample * n_bytes + place_of(i, n_bytes)] = static_cast<std::byte>(value >> (8 * i));
  }
}

} // namespace

std::optional<Bytes> plain_lzw(std::span<const std::byte> in, std::size_t most, bool old_style) {
  Bytes out;
  Table table;
  unsigned before = kClear; // none
  unsigned width = 9;
  for (std::size_t at = 0; out.size() < most && at + width <= 8 * in.size();) {
    const unsigned code = read_code(in, at, width, old_style);
    at += width;
    if (code == kEnd) {
      break;
    }
    if (code == kClear) {
      table.clear();
      before = kClear;
      width = 9;
      continue;
    }
    const bool adds = before != kClear && table.size() < 4096;
    if (code >= table.size() + (adds ? 1 : 0)) {
      return std::nullopt;
    }
    if (adds) {
      table.add(before, table.text(code == table.size() ? before : code).front());
      const std::size_t early = old_style ? 0 : 1;
      width += table.size() + early >= (std::size_t{1} << width) && width < 12 ? 1 : 0;
    }
    const Bytes text = table.text(code);
    out.insert(out.end(), text.begin(), text.end());
    before = code;
  }
  out.resize(std::min(out.size(), most));
  return out;
}

Bytes plain_horizontal(std::span<const std::byte> row, std::size_t samples,
                       std::size_t bytes_per_sample) {
  Bytes out(row.begin(), row.end());
  for (std::size_t i = samples; i < row.size() / bytes_per_sample; ++i) {
    store(out, i, bytes_per_sample,
          load(out, i - samples, bytes_per_sample) + load(row, i, bytes_per_sample));
  }
  return out;
}

Bytes plain_floating_point(std::span<const std::byte> row, std::size_t samples,
                           std::size_t bytes_per_sample) {
  const Bytes bytes = plain_horizontal(row, samples, 1);
  const std::size_t n = row.size() / bytes_per_sample;
  Bytes out(row.size());
  for (std::size_t i = 0; i < n; ++i) {
    std::uint64_t value = 0;
    for (std::size_t part = 0; part < bytes_per_sample; ++part) {
      value = value << 8 | std::to_integer<std::uint64_t>(bytes[part * n + i]);
    }
    store(out, i, bytes_per_sample, value);
  }
  return out;
}

Bytes plain_unpack(std::span<const std::byte> packed, std::size_t n, std::size_t bits,
                   std::size_t bytes_per_sample) {
  Bytes out(n * bytes_per_sample);
  for (std::size_t i = 0; i < n; ++i) {
    std::uint64_t value = 0;
    for (std::size_t bit = 0; bit < bits; ++bit) {
      value = value << 1 | bit_at(packed, i * bits + bit, false);
    }
    store(out, i, bytes_per_sample, value);
  }
  return out;
}

} // namespace kinfast::fuzz
