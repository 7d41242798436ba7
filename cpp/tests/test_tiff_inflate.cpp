// Our Deflate against libdeflate: the same bytes of sound streams, the same verdict on broken ones.
#include "tiff_builder.hpp"

#include "kinfast/tiff/codec.hpp"
#include "kinfast/tiff/inflate.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <libdeflate.h>
#include <memory>
#include <random>
#include <string>

using kinfast::test::Bytes;
using namespace kinfast::tiff;
using Status = InflateDecoder::Status;

namespace {

struct FreeCompressor {
  void operator()(libdeflate_compressor* compressor) const {
    libdeflate_free_compressor(compressor);
  }
};
struct FreeDecompressor {
  void operator()(libdeflate_decompressor* decompressor) const {
    libdeflate_free_decompressor(decompressor);
  }
};

Bytes compress(const Bytes& data, int level) {
  const std::unique_ptr<libdeflate_compressor, FreeCompressor> compressor(
      libdeflate_alloc_compressor(level));
  Bytes out(libdeflate_zlib_compress_bound(compressor.get(), data.size()));
  out.resize(
      libdeflate_zlib_compress(compressor.get(), data.data(), data.size(), out.data(), out.size()));
  return out;
}

// Pixels of 16 bits, little endian, with as much noise.
Bytes noisy_pixels(std::size_t n_bytes, double spread) {
  std::mt19937 random(static_cast<unsigned>(n_bytes));
  std::normal_distribution<double> noise(600.0, spread);
  Bytes bytes;
  while (bytes.size() < n_bytes) {
    const auto pixel = static_cast<unsigned>(std::max(0.0, noise(random)));
    bytes.push_back(static_cast<std::byte>(pixel));
    bytes.push_back(static_cast<std::byte>(pixel >> 8));
  }
  bytes.resize(n_bytes);
  return bytes;
}

Bytes periodic(std::size_t n_bytes, std::size_t period) {
  Bytes bytes(n_bytes);
  for (std::size_t i = 0; i < n_bytes; ++i) {
    bytes[i] = static_cast<std::byte>(i % period * 37);
  }
  return bytes;
}

std::vector<Bytes> samples(std::size_t n_bytes) {
  std::vector<Bytes> all{noisy_pixels(n_bytes, 2.0), noisy_pixels(n_bytes, 30.0),
                         noisy_pixels(n_bytes, 400.0), Bytes(n_bytes)};
  for (const std::size_t period : {2U, 3U, 5U, 7U, 13U, 15U, 16U, 17U, 300U}) {
    all.push_back(periodic(n_bytes, period));
  }
  return all;
}

struct Verdict {
  libdeflate_result result;
  Bytes bytes;
};

Verdict decode_theirs(const Bytes& stream, std::size_t room) {
  static const std::unique_ptr<libdeflate_decompressor, FreeDecompressor> decompressor(
      libdeflate_alloc_decompressor());
  Bytes out(room);
  std::size_t written = 0;
  const auto result = libdeflate_zlib_decompress(decompressor.get(), stream.data(), stream.size(),
                                                 out.data(), room, &written);
  out.resize(written);
  return {result, out};
}

// What ours leaves to libdeflate is not compared.
void compare(const Bytes& stream, std::size_t room) {
  static InflateDecoder ours;
  Bytes found(room);
  const auto [status, written] = ours.decode(stream, found);
  if (status == Status::done) {
    const Verdict theirs = decode_theirs(stream, room);
    REQUIRE(theirs.result == LIBDEFLATE_SUCCESS);
    found.resize(written);
    REQUIRE(found == theirs.bytes);
  } else if (status == Status::full) {
    REQUIRE(decode_theirs(stream, room).result != LIBDEFLATE_SUCCESS);
  } else if (status == Status::broken) {
    // However much room there is: which fault is met first is another matter.
    REQUIRE(decode_theirs(stream, room + 1'000'000).result == LIBDEFLATE_BAD_DATA);
  }
}

} // namespace

TEST_CASE("Deflate: every level, size and kind of data, as libdeflate has it") {
  for (const std::size_t n_bytes : {0U, 1U, 5U, 511U, 600U, 5000U, 70'000U, 400'000U}) {
    for (const Bytes& data : samples(n_bytes)) {
      for (const int level : {0, 1, 2, 6, 9, 12}) {
        const Bytes stream = compress(data, level);
        CAPTURE(n_bytes);
        CAPTURE(level);
        compare(stream, n_bytes);
        Bytes out(n_bytes);
        CHECK(Codecs().decompress(Compression::deflate, stream, out) == n_bytes);
        CHECK(out == data);
      }
    }
  }
}

TEST_CASE("Deflate: noisy pixels are decoded by our own means") {
  const Bytes data = noisy_pixels(400'000, 30.0);
  const Bytes stream = compress(data, 6);
  Bytes out(data.size());
  InflateDecoder decoder;
  CHECK(decoder.decode(stream, out).status == Status::done);
  CHECK(out == data);
}

TEST_CASE("Deflate: less room than the stream fills") {
  const Bytes data = noisy_pixels(30'000, 30.0);
  const Bytes stream = compress(data, 6);
  for (const std::size_t missing : {1U, 2U, 7U, 300U, 20'000U, 30'000U}) {
    CAPTURE(missing);
    compare(stream, data.size() - missing);
    Bytes out(data.size() - missing);
    CHECK(Codecs().decompress(Compression::deflate, stream, out) == out.size());
    CHECK(std::equal(out.begin(), out.end(), data.begin()));
  }
}

TEST_CASE("Deflate: streams cut short or with bits turned over") {
  std::mt19937 random(7);
  for (const int level : {1, 6, 12}) {
    for (const Bytes& data : samples(3000)) {
      const Bytes sound = compress(data, level);
      for (int round = 0; round < 200; ++round) {
        Bytes broken = sound;
        const std::size_t at = random() % broken.size();
        if (round % 4 == 0) {
          broken.resize(at);
        } else {
          broken[at] ^= static_cast<std::byte>(1U << random() % 8);
        }
        compare(broken, data.size());
      }
    }
  }
}

TEST_CASE("Deflate: every loop gives the same bytes") {
  const Bytes data = noisy_pixels(200'000, 30.0);
  const Bytes stream = compress(data, 6);
  for (const auto& loops : inflate::available_loops()) {
    InflateDecoder decoder(loops);
    Bytes out(data.size());
    REQUIRE(decoder.decode(stream, out).status == Status::done);
    CHECK(out == data);
  }
}
