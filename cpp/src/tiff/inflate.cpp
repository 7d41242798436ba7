// Deflate: headers, tables, and one symbol at a time where the inner loop (inflate_run.inl.hpp) has
// no room for its large steps. What is accepted is what libdeflate accepts.
#include "kinfast/tiff/inflate.hpp"

#include "inflate_entry.hpp"

#include <algorithm>
#include <cstring>
#include <libdeflate.h>

namespace kinfast::tiff {
namespace {

using namespace inflate;

constexpr std::size_t kHeaderBytes = 2;
constexpr std::size_t kChecksumBytes = 4;
constexpr unsigned kFewBits = 56; // that `fill` can promise
// Share of lookups without a match from which libdeflate is the faster one; see
// docs/performance.md.
constexpr double kManyLiterals = 0.49;

// Makes at least 56 bits be there; zeros stand for what is behind the end.
void fill(Stream& stream) {
  while (stream.count < kFewBits) {
    if (stream.next < stream.end) {
      stream.bits |= std::to_integer<std::uint64_t>(*stream.next++) << stream.count;
    } else {
      ++stream.past_end;
    }
    stream.count += 8;
  }
}

std::uint32_t peek(const Stream& stream, unsigned n) {
  return static_cast<std::uint32_t>(stream.bits & ((std::uint64_t{1} << n) - 1));
}

void skip(Stream& stream, unsigned n) {
  stream.bits >>= n;
  stream.count -= n;
}

std::uint32_t take(Stream& stream, unsigned n) {
  const std::uint32_t value = peek(stream, n);
  skip(stream, n);
  return value;
}

// Whether more was taken than there is.
bool is_past_end(const Stream& stream) { return 8 * stream.past_end > stream.count; }

// The entry of the next code word, taken off the stream but for its extra bits.
std::uint32_t look_up(Stream& stream, const std::uint32_t* table, unsigned lookup) {
  std::uint32_t entry = table[peek(stream, lookup)];
  if ((entry & (kRare | kMore)) == (kRare | kMore)) {
    skip(stream, lookup);
    entry = table[value_of(entry) + peek(stream, word_of(entry))];
  }
  return entry;
}

// Takes an entry off the stream, and gives the number in its extra bits.
std::uint32_t take_extra(Stream& stream, std::uint32_t entry) {
  skip(stream, word_of(entry));
  return take(stream, bits_of(entry) - word_of(entry));
}

bool has_zlib_header(std::span<const std::byte> in) {
  const auto method = std::to_integer<unsigned>(in[0]);
  const auto flags = std::to_integer<unsigned>(in[1]);
  constexpr unsigned kDeflate = 8;
  constexpr unsigned kLargestWindow = 7;
  constexpr unsigned kDictionary = 0x20;
  return (256 * method + flags) % 31 == 0 && (method & 0xF) == kDeflate &&
         method >> 4 <= kLargestWindow && (flags & kDictionary) == 0;
}

std::uint32_t read_big_endian(const std::byte* bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < kChecksumBytes; ++i) {
    value = value << 8 | std::to_integer<std::uint32_t>(bytes[i]);
  }
  return value;
}

} // namespace

InflateDecoder::Result InflateDecoder::decode(std::span<const std::byte> in,
                                              std::span<std::byte> out) {
  if (in.size() < kHeaderBytes + kChecksumBytes || !has_zlib_header(in)) {
    return {Status::broken, 0};
  }
  Stream stream{in.data() + kHeaderBytes, in.data() + in.size() - kChecksumBytes, out.data(),
                out.data(), out.data() + out.size()};
  has_fixed_tables_ = false;
  Step step = Step::next_block;
  while (step == Step::next_block) {
    step = decode_block(stream);
  }
  const auto written = static_cast<std::size_t>(stream.out - stream.out_begin);
  switch (step) {
  case Step::full:
    return {Status::full, written};
  case Step::slow:
    return {Status::slow, written};
  case Step::broken:
    return {Status::broken, written};
  default:
    break;
  }
  const std::byte* const checksum = stream.next - (stream.count / 8 - stream.past_end);
  const bool right = libdeflate_adler32(1, out.data(), written) == read_big_endian(checksum);
  return {right ? Status::done : Status::broken, written};
}

InflateDecoder::Step InflateDecoder::decode_block(Stream& stream) {
  fill(stream);
  const bool last = take(stream, 1) != 0;
  switch (take(stream, 2)) {
  case 0:
    return copy_stored(stream, last);
  case 1:
    return set_fixed_tables() ? decode_symbols(stream, last) : Step::broken;
  case 2:
    if (!read_tables(stream)) {
      return Step::broken;
    }
    if (stream.out == stream.out_begin && tables_.literal_share > kManyLiterals) {
      return Step::slow;
    }
    return decode_symbols(stream, last);
  default:
    return Step::broken;
  }
}

InflateDecoder::Step InflateDecoder::copy_stored(Stream& stream, bool last) {
  if (is_past_end(stream)) {
    return Step::broken;
  }
  // Bytes that are in the bit buffer go back; zeros behind the end do not come from anywhere.
  stream.next -= stream.count / 8 - stream.past_end;
  stream.bits = 0;
  stream.count = 0;
  stream.past_end = 0;
  if (stream.end - stream.next < 4) {
    return Step::broken;
  }
  const auto byte = [&](int i) { return std::to_integer<unsigned>(stream.next[i]); };
  const unsigned length = byte(0) | byte(1) << 8;
  const unsigned inverse = byte(2) | byte(3) << 8;
  stream.next += 4;
  if ((length ^ inverse) != 0xFFFF || stream.end - stream.next < std::ptrdiff_t{length}) {
    return Step::broken;
  }
  if (stream.out_end - stream.out < std::ptrdiff_t{length}) {
    return Step::full;
  }
  stream.out = std::copy_n(stream.next, length, stream.out);
  stream.next += length;
  return last ? Step::last_block_done : Step::next_block;
}

bool InflateDecoder::set_fixed_tables() {
  if (has_fixed_tables_) {
    return true;
  }
  std::array<std::uint8_t, kLiterals> literals;
  std::fill_n(literals.begin(), 144, std::uint8_t{8});
  std::fill_n(literals.begin() + 144, 112, std::uint8_t{9});
  std::fill_n(literals.begin() + 256, 24, std::uint8_t{7});
  std::fill_n(literals.begin() + 280, 8, std::uint8_t{8});
  std::array<std::uint8_t, kDistances> distances;
  distances.fill(5);
  has_fixed_tables_ = make_literal_table(literals, loops_.join_literals, tables_) &&
                      make_distance_table(distances, tables_);
  return has_fixed_tables_;
}

// RFC 1951, 3.2.7: the lengths of both codes in a row, themselves in a code of 19 symbols.
bool InflateDecoder::read_tables(Stream& stream) {
  constexpr std::array<std::uint8_t, 19> kOrder{16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                11, 4,  12, 3, 13, 2, 14, 1, 15};
  has_fixed_tables_ = false;
  const std::size_t n_literals = 257 + take(stream, 5);
  const std::size_t n_distances = 1 + take(stream, 5);
  const std::size_t n_lengths = 4 + take(stream, 4);
  std::array<std::uint8_t, 19> words{};
  for (std::size_t i = 0; i < n_lengths; ++i) {
    fill(stream);
    words[kOrder[i]] = static_cast<std::uint8_t>(take(stream, 3));
  }
  std::array<std::uint32_t, 128> table;
  if (!make_length_table(words, table)) {
    return false;
  }
  std::array<std::uint8_t, kLiterals + kDistances> lengths{};
  const std::size_t n = n_literals + n_distances;
  for (std::size_t i = 0; i < n;) {
    fill(stream);
    const std::uint32_t entry = table[peek(stream, 7)];
    skip(stream, entry & 0xF);
    const std::uint32_t symbol = entry >> 4;
    if (symbol < 16) {
      lengths[i++] = static_cast<std::uint8_t>(symbol);
      continue;
    }
    if (symbol == 16 && i == 0) {
      return false;
    }
    const std::uint8_t repeated = symbol == 16 ? lengths[i - 1] : std::uint8_t{0};
    const std::size_t times = symbol == 16   ? 3 + take(stream, 2)
                              : symbol == 17 ? 3 + take(stream, 3)
                                             : 11 + take(stream, 7);
    if (times > n - i) {
      return false;
    }
    std::fill_n(lengths.begin() + static_cast<std::ptrdiff_t>(i), times, repeated);
    i += times;
  }
  const std::span all(lengths);
  return make_literal_table(all.first(n_literals), loops_.join_literals, tables_) &&
         make_distance_table(all.subspan(n_literals, n_distances), tables_);
}

InflateDecoder::Step InflateDecoder::decode_symbols(Stream& stream, bool last) {
  Step step = Step::next_symbol;
  while (step == Step::next_symbol) {
    if (stream.past_end == 0) {
      stream.next -= stream.count / 8; // whole bytes go back: the loop loads them again
      stream.count %= 8;
      stream.bits = peek(stream, stream.count);
      if (!loops_.run(stream, tables_)) {
        return Step::broken;
      }
    }
    step = decode_entry(stream);
  }
  return step == Step::next_block && last ? Step::last_block_done : step;
}

// One lookup, whatever it gives.
InflateDecoder::Step InflateDecoder::decode_entry(Stream& stream) {
  fill(stream);
  if (is_past_end(stream)) {
    return Step::broken;
  }
  const std::uint32_t entry = look_up(stream, tables_.literals.data(), kLiteralBits);
  if ((entry & kRare) != 0) {
    skip(stream, bits_of(entry));
    return is_past_end(stream) ? Step::broken : Step::next_block;
  }
  for (std::uint32_t i = 0; i < literals_of(entry); ++i) {
    if (stream.out == stream.out_end) {
      return Step::full;
    }
    *stream.out++ = static_cast<std::byte>(value_of(entry) >> 8 * i);
  }
  if ((entry & kNoMatch) != 0) {
    skip(stream, bits_of(entry));
    return Step::next_symbol;
  }
  return copy_match(stream, length_of(entry) + take_extra(stream, entry));
}

InflateDecoder::Step InflateDecoder::copy_match(Stream& stream, std::size_t length) {
  const std::uint32_t back = look_up(stream, tables_.distances.data(), kDistanceBits);
  const std::size_t distance = value_of(back) + take_extra(stream, back);
  if (is_past_end(stream) || distance > static_cast<std::size_t>(stream.out - stream.out_begin)) {
    return Step::broken;
  }
  if (length > static_cast<std::size_t>(stream.out_end - stream.out)) {
    return Step::full;
  }
  for (std::size_t i = 0; i < length; ++i, ++stream.out) {
    *stream.out = *(stream.out - static_cast<std::ptrdiff_t>(distance));
  }
  return Step::next_symbol;
}

} // namespace kinfast::tiff
