#include "stream_target.hpp"

#include "mismatch.hpp"
#include "plain_codecs.hpp"

#include "kinfast/errors.hpp"
#include "kinfast/tiff/bits.hpp"
#include "kinfast/tiff/inflate.hpp"
#include "kinfast/tiff/predictor.hpp"

#include <algorithm>
#include <array>
#include <libdeflate.h>
#include <memory>
#include <optional>
#include <utility>

namespace kinfast::fuzz {
namespace {

using tiff::Compression;

// What `decode` makes of `size` bytes that held `untouched`; nothing where it refuses.
template <typename Decode>
std::optional<Bytes> outcome(std::size_t size, std::byte untouched, const Decode& decode) try {
  Bytes out(size, untouched);
  const std::size_t written = decode(std::span(out));
  require(written <= size, "found ", written, " bytes written, wanted at most ", size);
  out.resize(written);
  return out;
} catch (const FormatError&) {
  return std::nullopt;
}

void compare_lzw(std::span<const std::byte> in, std::size_t size,
                 const std::optional<Bytes>& fast) {
  const bool old_style =
      in.size() >= 2 && in[0] == std::byte{0} && (in[1] & std::byte{1}) != std::byte{0};
  const auto plain = outcome(size, std::byte{0x33}, [&](std::span<std::byte> out) {
    tiff::PlainLzwDecoder decoder;
    return old_style ? decoder.decode_old_style(in, out) : decoder.decode(in, out);
  });
  require(fast == plain, "LZW, fast against PlainLzwDecoder");
  require(fast == plain_lzw(in, size, old_style), "LZW against the specification");
}

// What libdeflate makes of a whole stream: as much as fits into `most` bytes, or none of it.
std::pair<libdeflate_result, Bytes> oracle_inflate(std::span<const std::byte> in,
                                                   std::size_t most) {
  const std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)> oracle(
      libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
  Bytes out(most);
  std::size_t written = 0;
  const auto result = libdeflate_zlib_decompress(oracle.get(), in.data(), in.size(), out.data(),
                                                 out.size(), &written);
  out.resize(result == LIBDEFLATE_SUCCESS ? written : 0);
  return {result, out};
}

void compare_inflate(std::span<const std::byte> in, std::size_t size) {
  using Status = tiff::InflateDecoder::Status;
  constexpr std::size_t kSpare = std::size_t{1} << 16; // to see whether a stream goes on
  const auto [result, whole] = oracle_inflate(in, size + kSpare);
  for (const auto& loops : tiff::inflate::available_loops()) {
    Bytes out(size);
    const auto [status, written] = tiff::InflateDecoder(loops).decode(in, out);
    if (status == Status::done) {
      out.resize(written);
      require(result == LIBDEFLATE_SUCCESS && out == whole, "Deflate against libdeflate");
    } else if (status == Status::full) {
      require(result != LIBDEFLATE_SUCCESS || whole.size() > size, "Deflate: full, but not longer");
    } else if (status == Status::broken) {
      require(result != LIBDEFLATE_SUCCESS, "Deflate: broken, but not for libdeflate");
    }
  }
}

// A row in place, and its twin out of place.
void compare_horizontal(std::span<const std::byte> row, std::size_t samples, unsigned n_bytes) {
  Bytes fast(row.begin(), row.end());
  tiff::undo_horizontal(fast, samples, n_bytes);
  require(fast == plain_horizontal(row, samples, n_bytes), "predictor 2, samples of ", n_bytes,
          " bytes");
}

void compare_floating_point(std::span<const std::byte> row, std::size_t samples, unsigned n_bytes) {
  Bytes fast(row.begin(), row.end());
  Bytes scratch(row.size());
  tiff::undo_floating_point(fast, samples, n_bytes, scratch);
  require(fast == plain_floating_point(row, samples, n_bytes), "predictor 3, samples of ", n_bytes,
          " bytes");
}

void compare_unpack(std::span<const std::byte> packed, unsigned bits) {
  const unsigned n_bytes = bits <= 8 ? 1 : bits <= 16 ? 2 : bits <= 32 ? 4 : 8;
  const std::size_t n = packed.size() * 8 / bits;
  Bytes fast(n * n_bytes);
  tiff::unpack_row(packed, n, bits, fast, n_bytes);
  require(fast == plain_unpack(packed, n, bits, n_bytes), "samples of ", bits, " bits");
}

void compare_row(char kind, unsigned parameter, std::size_t samples,
                 std::span<const std::byte> bytes) {
  constexpr std::array<unsigned, 4> kSizes = {1, 2, 4, 8};
  const unsigned n_bytes = kSizes[parameter % kSizes.size()];
  const auto row = bytes.first(bytes.size() / (n_bytes * samples) * (n_bytes * samples));
  if (row.empty()) { // of which a page has none
    return;
  }
  if (kind == 'H') {
    compare_horizontal(row, samples, n_bytes);
  } else if (kind == 'F') {
    compare_floating_point(row, samples, n_bytes);
  } else if (kind == 'U') {
    compare_unpack(bytes, 1 + parameter % 64);
  }
}

std::optional<Compression> compression_of(char kind) {
  switch (kind) {
  case 'L':
    return Compression::lzw;
  case 'D':
    return Compression::deflate;
  case 'P':
    return Compression::packbits;
  case 'Z':
    return Compression::zstd;
  default:
    return std::nullopt;
  }
}

} // namespace

void compare_codecs(Compression compression, std::span<const std::byte> in, std::size_t size) {
  tiff::Codecs codecs;
  const auto decode = [&](std::span<std::byte> out) {
    return codecs.decompress(compression, in, out);
  };
  const auto first = outcome(size, std::byte{0x00}, decode);
  require(first == outcome(size, std::byte{0xFF}, decode), name_of(compression),
          ", the same stream twice");
  if (compression == Compression::lzw) {
    compare_lzw(in, size, first);
  } else if (compression == Compression::deflate) {
    compare_inflate(in, size);
  }
}

void compare_stream(std::span<const std::byte> input) {
  constexpr std::size_t kHead = 3;
  if (input.size() < kHead) {
    return;
  }
  const char kind = std::to_integer<char>(input[0]);
  const auto first = std::to_integer<unsigned>(input[1]);
  const auto second = std::to_integer<unsigned>(input[2]);
  const auto bytes = input.subspan(kHead);
  if (const auto compression = compression_of(kind)) {
    compare_codecs(*compression, bytes, first | second << 8);
  } else {
    compare_row(kind, first, 1 + second % 8, bytes);
  }
}

} // namespace kinfast::fuzz
