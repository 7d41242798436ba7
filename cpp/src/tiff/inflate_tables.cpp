// From the lengths of a block's code words to its tables.
//
// A table is looked up by the next bits of the stream, the first of a code word lowest. Words that
// are longer than the lookup go on in second tables behind it. Where a literal's word leaves bits
// of the lookup over, and they hold the word of another literal or of a length, the entry gives
// both. In images of 16 bits and noise most of the stream is such pairs: a literal of eight or nine
// bits, the noisy byte, then a match of three to five bytes whose length has a word of two or
// three.
#include "inflate_entry.hpp"
#include "kinfast/tiff/inflate.hpp"

#include <algorithm>

namespace kinfast::tiff::inflate {
namespace {

constexpr std::size_t kEnd = 256; // the symbol that ends a block
constexpr std::size_t kFirstLength = 257;

// Base << 8 | extra bits, by symbol (RFC 1951, 3.2.5). The symbols that the RFC gives no meaning
// are read as libdeflate reads them.
constexpr std::array<std::uint32_t, kLiterals - kFirstLength> kLengths = [] {
  std::array<std::uint32_t, kLiterals - kFirstLength> table{};
  std::uint32_t base = 3;
  for (std::uint32_t i = 0; i < 28; ++i) {
    const std::uint32_t extra = i < 8 ? 0 : i / 4 - 1;
    table[i] = base << 8 | extra;
    base += 1U << extra;
  }
  std::fill(table.begin() + 28, table.end(), 258U << 8);
  return table;
}();

constexpr std::array<std::uint32_t, kDistances> kDistanceBases = [] {
  std::array<std::uint32_t, kDistances> table{};
  std::uint32_t base = 1;
  for (std::uint32_t i = 0; i < 30; ++i) {
    const std::uint32_t extra = i < 4 ? 0 : i / 2 - 1;
    table[i] = base << 8 | extra;
    base += 1U << extra;
  }
  table[30] = table[31] = table[29];
  return table;
}();

std::uint32_t literal_entry(std::size_t symbol, unsigned word) {
  if (symbol < kEnd) {
    return kNoMatch | static_cast<std::uint32_t>(symbol) << kValueShift | 1U << kNumberShift | word;
  }
  if (symbol == kEnd) {
    return kRare | word;
  }
  const std::uint32_t length = kLengths[symbol - kFirstLength];
  const std::uint32_t extra = length & 0xFF;
  return ((length >> 8) - kShortest) << kSecondShift | (extra > 0 ? kMore : 0) |
         word << kWordShift | (word + extra);
}

std::uint32_t distance_entry(std::size_t symbol, unsigned word) {
  const std::uint32_t distance = kDistanceBases[symbol];
  return (distance >> 8) << kValueShift | word << kWordShift | (word + (distance & 0xFF));
}

std::uint32_t length_entry(std::size_t symbol, unsigned word) {
  return static_cast<std::uint32_t>(symbol) << 4 | word;
}

// Counts on from a code word whose first bit is the lowest.
std::uint32_t next_word(std::uint32_t turned, unsigned length) {
  std::uint32_t bit = 1U << (length - 1);
  while ((turned & bit) != 0) {
    bit >>= 1;
  }
  return bit == 0 ? 0 : (turned & (bit - 1)) | bit;
}

// A code's symbols by length, as the code words count up.
struct Code {
  std::array<std::uint16_t, kLongest + 2> first{}; // of each length, in `symbols`
  std::array<std::uint16_t, kLiterals> symbols;
  unsigned longest = 0;

  explicit Code(std::span<const std::uint8_t> lengths) {
    for (const std::uint8_t length : lengths) {
      ++first[length + 1U];
      longest = std::max<unsigned>(longest, length);
    }
    first[1] = 0; // symbols without a code word
    for (unsigned length = 1; length <= kLongest; ++length) {
      first[length + 1] = static_cast<std::uint16_t>(first[length + 1] + first[length]);
    }
    auto place = first;
    for (std::size_t symbol = 0; symbol < lengths.size(); ++symbol) {
      if (lengths[symbol] != 0) {
        symbols[place[lengths[symbol]]++] = static_cast<std::uint16_t>(symbol);
      }
    }
  }

  unsigned count(unsigned length) const {
    return static_cast<unsigned>(first[length + 1] - first[length]);
  }
  // Share of all bit strings that some code word begins, in units of the longest possible word.
  std::uint32_t used() const {
    std::uint32_t sum = 0;
    for (unsigned length = 1; length <= kLongest; ++length) {
      sum += count(length) << (kLongest - length);
    }
    return sum;
  }
};

// Where the words of a second table go on that all begin alike.
struct Prefix {
  std::uint32_t bits = ~0U;
  std::size_t start = 0;
};

void repeat(std::span<std::uint32_t> table, std::size_t first, std::size_t step,
            std::uint32_t entry) {
  for (std::size_t at = first; at < table.size(); at += step) {
    table[at] = entry;
  }
}

// Code words go into the table in order, at their bits, and again wherever only bits behind the
// word differ. Returns how many entries there are.
template <typename Entry>
std::size_t fill_table(const Code& code, unsigned lookup, std::span<std::uint32_t> table,
                       const Entry& entry_of) {
  const std::size_t size = std::size_t{1} << lookup;
  const unsigned second = code.longest > lookup ? code.longest - lookup : 0;
  std::uint32_t word = 0;
  Prefix prefix;
  std::size_t end = size;
  for (unsigned length = 1; length <= code.longest; ++length) {
    for (std::size_t i = code.first[length]; i < code.first[length + 1]; ++i) {
      const std::uint16_t symbol = code.symbols[i];
      if (length <= lookup) {
        repeat(table.first(size), word, std::size_t{1} << length, entry_of(symbol, length));
      } else {
        if ((word & (size - 1)) != prefix.bits) {
          prefix = {word & static_cast<std::uint32_t>(size - 1), end};
          end += std::size_t{1} << second;
          table[prefix.bits] = static_cast<std::uint32_t>(prefix.start) << kValueShift | kRare |
                               kMore | second << kWordShift | lookup;
        }
        repeat(table.subspan(prefix.start, std::size_t{1} << second), word >> lookup,
               std::size_t{1} << (length - lookup), entry_of(symbol, length - lookup));
      }
      word = next_word(word, length);
    }
  }
  return end;
}

// A code of one word is written with one bit, an empty one is never used; every other must be
// complete: then there is no table, and 0 is returned, else the number of its entries.
template <typename Entry>
std::size_t make_table(std::span<const std::uint8_t> lengths, unsigned lookup,
                       std::span<std::uint32_t> table, const Entry& entry_of) {
  const Code code(lengths);
  constexpr std::uint32_t kAll = 1U << kLongest;
  const std::uint32_t used = code.used();
  if (used == kAll) {
    return fill_table(code, lookup, table, entry_of);
  }
  const bool single = used == kAll / 2 && code.count(1) == 1;
  if (used != 0 && !single) {
    return 0;
  }
  const std::size_t symbol = single ? code.symbols[0] : 0;
  std::fill_n(table.begin(), std::size_t{1} << lookup, entry_of(symbol, 1U));
  return std::size_t{1} << lookup;
}

} // namespace

bool make_literal_table(std::span<const std::uint8_t> lengths, Join join, Tables& tables) {
  tables.n_literals = make_table(lengths, kLiteralBits, tables.single, literal_entry);
  if (tables.n_literals == 0) {
    return false;
  }
  join(tables);
  return true;
}

bool make_distance_table(std::span<const std::uint8_t> lengths, Tables& tables) {
  if (make_table(lengths, kDistanceBits, tables.distances, distance_entry) == 0) {
    return false;
  }
  constexpr std::ptrdiff_t kSize = 1 << kDistanceBits;
  std::transform(tables.distances.begin(), tables.distances.begin() + kSize,
                 tables.distance_steps.begin(), [](std::uint32_t entry) {
                   return static_cast<std::uint16_t>(bits_of(entry) | kLiteralBits << kNextShift);
                 });
  return true;
}

bool make_length_table(std::span<const std::uint8_t, 19> lengths,
                       std::span<std::uint32_t, 128> table) {
  return make_table(lengths, 7, table, length_entry) != 0;
}

} // namespace kinfast::tiff::inflate
