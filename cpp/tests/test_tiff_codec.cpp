// Codecs against streams made by hand, and against an encoder written for clarity.
#include "tiff_builder.hpp"

#include "kinfast/errors.hpp"
#include "kinfast/tiff/codec.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <utility>

using kinfast::FormatError;
using kinfast::test::Bytes;
using kinfast::test::to_bytes;
using namespace kinfast::tiff;

namespace {

constexpr unsigned kClear = 256;
constexpr unsigned kEnd = 257;

// Packs codes of growing width, as TIFF has it (MSB first, one code early) or as the first libtiff
// had it.
class CodeWriter {
public:
  explicit CodeWriter(bool old_style) : old_style_(old_style) {}

  void write(unsigned code, unsigned width) {
    for (unsigned i = 0; i < width; ++i, ++n_bits_) {
      if (n_bits_ % 8 == 0) {
        bytes_.push_back(std::byte{0});
      }
      const unsigned bit = old_style_ ? code >> i : code >> (width - 1 - i);
      const unsigned place = old_style_ ? n_bits_ % 8 : 7 - n_bits_ % 8;
      bytes_.back() |= static_cast<std::byte>((bit & 1U) << place);
    }
  }
  Bytes bytes() const { return bytes_; }

private:
  bool old_style_;
  unsigned n_bits_ = 0;
  Bytes bytes_;
};

Bytes lzw_encode(const Bytes& data, bool old_style, bool with_end = true) {
  CodeWriter out(old_style);
  std::map<std::pair<unsigned, std::byte>, unsigned> table; // of a code's string and one byte more
  unsigned next = 258;
  unsigned width = 9;
  std::optional<unsigned> text;
  out.write(kClear, width);
  for (const std::byte byte : data) {
    if (!text) {
      text = std::to_integer<unsigned>(byte);
      continue;
    }
    const auto longer = table.find({*text, byte});
    if (longer != table.end()) {
      text = longer->second;
      continue;
    }
    out.write(*text, width);
    table[{*text, byte}] = next++;
    // The decoder's table is one string behind the encoder's.
    if (next - 1 + (old_style ? 0 : 1) >= (1U << width)) {
      ++width;
    }
    text = std::to_integer<unsigned>(byte);
    if (next == 4094) {
      out.write(*text, width);
      out.write(kClear, width);
      table.clear();
      next = 258;
      width = 9;
      text.reset();
    }
  }
  if (text) {
    out.write(*text, width);
    if (next + (old_style ? 0 : 1) >= (1U << width)) {
      ++width;
    }
  }
  if (with_end) {
    out.write(kEnd, width);
  }
  return out.bytes();
}

// A byte once, then twice, … then `n_codes` times: each code is the string that it adds.
Bytes lzw_encode_run(unsigned byte, unsigned n_codes) {
  CodeWriter out(false);
  unsigned width = 9;
  out.write(kClear, width);
  out.write(byte, width);
  for (unsigned code = 258; code < 257 + n_codes; ++code) {
    out.write(code, width);
    width += static_cast<unsigned>(code + 2 >= (1U << width));
  }
  out.write(kEnd, width);
  return out.bytes();
}

Bytes lzw_decode(const Bytes& in, std::size_t size) {
  Bytes out(size);
  LzwDecoder decoder;
  out.resize(decoder.decode(in, out));
  return out;
}

// Noise over `n_values` values, so that strings from short to long occur.
Bytes make_data(std::size_t n, unsigned n_values, unsigned seed) {
  std::mt19937 random(seed);
  Bytes data(n);
  for (auto& byte : data) {
    byte = static_cast<std::byte>(random() % n_values);
  }
  return data;
}

} // namespace

TEST_CASE("LZW in both bit orders gives back what was encoded") {
  for (const bool old_style : {false, true}) {
    for (const unsigned n_values : {1U, 2U, 7U, 256U}) {
      for (const std::size_t n : {1U, 2U, 3U, 9U, 100U, 5000U, 40000U}) {
        CAPTURE(old_style);
        CAPTURE(n_values);
        CAPTURE(n);
        const auto data = make_data(n, n_values, 7);
        CHECK(lzw_decode(lzw_encode(data, old_style), n) == data);
        CHECK(lzw_decode(lzw_encode(data, old_style), n + 100) == data);
      }
    }
  }
}

TEST_CASE("LZW does without an end code, and stops where the output is full") {
  const auto data = make_data(3000, 5, 1);
  CHECK(lzw_decode(lzw_encode(data, false, false), 3000) == data);
  for (const std::size_t size : {0U, 1U, 7U, 1000U, 2999U}) {
    CHECK(lzw_decode(lzw_encode(data, false), size) ==
          Bytes(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(size)));
  }
}

TEST_CASE("LZW that is cut gives a beginning, and flipped bits never more than was asked for") {
  const auto data = make_data(2000, 5, 2);
  const auto encoded = lzw_encode(data, false);
  for (std::size_t size = 0; size < encoded.size(); size += 13) {
    const auto part = lzw_decode(
        Bytes(encoded.begin(), encoded.begin() + static_cast<std::ptrdiff_t>(size)), 2000);
    REQUIRE(part.size() <= data.size());
    CHECK(std::equal(part.begin(), part.end(), data.begin()));
  }
  std::mt19937 random(3);
  for (int i = 0; i < 300; ++i) {
    auto broken = encoded;
    broken[random() % broken.size()] ^= static_cast<std::byte>(1U << (random() % 8));
    try {
      const auto decoded = lzw_decode(broken, 2000);
      CHECK(decoded.size() <= 2000);
    } catch (const FormatError&) {
      continue;
    }
  }
}

TEST_CASE("the fast LZW decoder does what the plain one does, on broken streams too") {
  const auto run = [](auto& decoder, const Bytes& in, std::size_t size) {
    Bytes out(size);
    try {
      out.resize(decoder.decode(in, out));
    } catch (const FormatError&) {
      return Bytes{};
    }
    return out;
  };
  LzwDecoder fast; // one for all: an error must leave nothing behind
  PlainLzwDecoder plain;
  std::mt19937 random(5);
  for (int i = 0; i < 400; ++i) {
    CAPTURE(i);
    const std::size_t n = 1 + random() % 20000;
    const unsigned n_values = i % 2 == 0 ? 3 : 256;
    auto stream = lzw_encode(make_data(n, n_values, static_cast<unsigned>(i)), false);
    if (i % 4 > 1) {
      stream[1 + random() % (stream.size() - 1)] ^= static_cast<std::byte>(1U << (random() % 8));
    }
    const std::size_t size = i % 3 == 0 ? n : random() % (n + 10);
    REQUIRE(run(fast, stream, size) == run(plain, stream, size));
  }
}

TEST_CASE("LZW of a constant image outgrows the fast decoder's window and is right all the same") {
  constexpr unsigned kCodes = 2400;
  const Bytes data(std::size_t{kCodes} * (kCodes + 1) / 2, std::byte{7});
  CHECK(lzw_decode(lzw_encode_run(7, kCodes), data.size()) == data);
}

TEST_CASE("LZW codes out of nowhere are refused") {
  CodeWriter first(false);
  first.write(kClear, 9);
  first.write(300, 9);
  CHECK_THROWS_AS(lzw_decode(first.bytes(), 10), FormatError);
  CodeWriter ahead(false);
  ahead.write(kClear, 9);
  ahead.write('a', 9);
  ahead.write(259, 9);
  CHECK_THROWS_AS(lzw_decode(ahead.bytes(), 10), FormatError);
}

TEST_CASE("LZW goes on with a full table until it is cleared") {
  // All 4096 codes are taken, and the encoder is late with its clear code.
  CodeWriter out(false);
  Bytes expected;
  unsigned next = 258;
  unsigned width = 9;
  out.write(kClear, width);
  for (unsigned i = 0; i < 5000; ++i) {
    const auto literal = i % 251;
    out.write(literal, width);
    expected.push_back(static_cast<std::byte>(literal));
    next += static_cast<unsigned>(i > 0 && next < 4096);
    width = next + 1 >= (1U << width) ? std::min(width + 1, 12U) : width;
  }
  out.write(kEnd, 12);
  CHECK(lzw_decode(out.bytes(), expected.size()) == expected);
}

TEST_CASE("PackBits: literals, runs, the code that does nothing, and both ends") {
  const auto decode = [](const Bytes& in, std::size_t size) {
    Bytes out(size);
    out.resize(decode_packbits(in, out));
    return out;
  };
  // the example of Apple's technical note
  const auto packed = to_bytes(
      {0xFE, 0xAA, 0x02, 0x80, 0x00, 0x2A, 0xFD, 0xAA, 0x03, 0x80, 0x00, 0x2A, 0x22, 0xF7, 0xAA});
  const auto plain =
      to_bytes({0xAA, 0xAA, 0xAA, 0x80, 0x00, 0x2A, 0xAA, 0xAA, 0xAA, 0xAA, 0x80, 0x00,
                0x2A, 0x22, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA});
  CHECK(decode(packed, plain.size()) == plain);
  CHECK(decode(packed, 5) == Bytes(plain.begin(), plain.begin() + 5));
  CHECK(decode(to_bytes({128, 0, 7}), 1) == to_bytes({7}));
  CHECK(decode(to_bytes({5, 1, 2}), 9) == to_bytes({1, 2}));
  CHECK(decode(to_bytes({0xFE}), 9).empty());
}

TEST_CASE("Deflate and Zstd: whole, too long, cut and broken") {
  // zlib and zstd of sixteen bytes "abcdabcdabcdabcd"
  const auto deflate = to_bytes(
      {0x78, 0x9C, 0x4B, 0x4C, 0x4A, 0x4E, 0x49, 0x44, 0xC2, 0x00, 0x34, 0x50, 0x06, 0x29});
  const auto zstd = to_bytes({0x28, 0xB5, 0x2F, 0xFD, 0x20, 0x10, 0x55, 0x00, 0x00, 0x20, 0x61,
                              0x62, 0x63, 0x64, 0x01, 0x00, 0x73, 0x8E, 0x08});
  Bytes plain;
  for (int i = 0; i < 16; ++i) {
    plain.push_back(static_cast<std::byte>('a' + i % 4));
  }
  Codecs codecs;
  const auto decode = [&codecs](Compression compression, const Bytes& in, std::size_t size) {
    Bytes out(size);
    out.resize(codecs.decompress(compression, in, out));
    return out;
  };
  for (const auto& [compression, stream] :
       {std::pair(Compression::deflate, deflate), std::pair(Compression::zstd, zstd)}) {
    CAPTURE(name_of(compression));
    CHECK(decode(compression, stream, 16) == plain);
    CHECK(decode(compression, stream, 20) == plain);
    CHECK(decode(compression, stream, 3) == Bytes(plain.begin(), plain.begin() + 3));
    auto broken = stream;
    broken[1] ^= std::byte{0xFF};
    CHECK_THROWS_AS(decode(compression, broken, 16), FormatError);
  }
  CHECK_THROWS_AS(decode(Compression::deflate, Bytes(deflate.begin(), deflate.begin() + 6), 16),
                  FormatError);
}

// Found by the fuzzer: room was doubled until the stream fitted, and twice nothing is nothing.
TEST_CASE("a stream into no room ends, whatever the codec") {
  const auto deflate = to_bytes(
      {0x78, 0x9C, 0x4B, 0x4C, 0x4A, 0x4E, 0x49, 0x44, 0xC2, 0x00, 0x34, 0x50, 0x06, 0x29});
  for (const auto compression : {Compression::none, Compression::packbits, Compression::lzw,
                                 Compression::deflate, Compression::zstd}) {
    CHECK(Codecs().decompress(compression, deflate, {}) == 0);
  }
}
