#include "kinfast/tiff/codec.hpp"

#include "kinfast/errors.hpp"
#include "kinfast/tiff/message.hpp"

#include <algorithm>
#include <cstring>
#include <libdeflate.h>
#include <new>
#include <zstd.h>

namespace kinfast::tiff {
namespace {

constexpr const char* kBrokenDeflate = "found a broken Deflate stream";

std::size_t copy_stored(std::span<const std::byte> in, std::span<std::byte> out) {
  const std::size_t n = std::min(in.size(), out.size());
  if (n > 0) {
    std::memcpy(out.data(), in.data(), n);
  }
  return n;
}

} // namespace

std::uint64_t max_expansion(Compression compression) {
  switch (compression) {
  case Compression::none:
    return 1;
  case Compression::packbits:
    return 64; // 128 bytes from 2
  case Compression::lzw:
    return 3414; // a string of at most 3840 bytes from 9 bits
  case Compression::deflate:
    return 1032; // 258 bytes from 2 bits
  case Compression::zstd:
    return 43691; // a block of 128 KiB from 3 bytes
  }
  return 1;
}

Codecs::Codecs() = default;
Codecs::~Codecs() = default;

void Codecs::DeflateDelete::operator()(libdeflate_decompressor* decompressor) const {
  libdeflate_free_decompressor(decompressor);
}

void Codecs::ZstdDelete::operator()(ZSTD_DCtx_s* context) const { ZSTD_freeDCtx(context); }

std::size_t Codecs::decompress(Compression compression, std::span<const std::byte> in,
                               std::span<std::byte> out) {
  if (out.empty()) { // nothing is wanted, whatever the stream is
    return 0;
  }
  switch (compression) {
  case Compression::none:
    return copy_stored(in, out);
  case Compression::packbits:
    return decode_packbits(in, out);
  case Compression::lzw:
    if (!lzw_) {
      lzw_ = std::make_unique<LzwDecoder>();
    }
    return lzw_->decode(in, out);
  case Compression::deflate:
    return inflate(in, out);
  case Compression::zstd:
    return decode_zstd(in, out);
  }
  return 0;
}

std::size_t Codecs::inflate(std::span<const std::byte> in, std::span<std::byte> out) {
  if (!inflate_) {
    inflate_ = std::make_unique<InflateDecoder>();
  }
  const auto [status, written] = inflate_->decode(in, out);
  switch (status) {
  case InflateDecoder::Status::done:
    return written;
  case InflateDecoder::Status::full:
  case InflateDecoder::Status::slow:
    return inflate_all(in, out);
  case InflateDecoder::Status::broken:
    break;
  }
  throw FormatError(kBrokenDeflate);
}

// By libdeflate, which gives all of a stream or nothing. Where a stream has more bytes than wanted,
// which is rare, room is made for all: its checksum covers them.
std::size_t Codecs::inflate_all(std::span<const std::byte> in, std::span<std::byte> out) {
  if (!deflate_) {
    deflate_.reset(libdeflate_alloc_decompressor());
    if (!deflate_) {
      throw std::bad_alloc();
    }
  }
  if (const auto written = inflate_into(in, out)) {
    return *written;
  }
  const std::size_t most =
      std::min(in.size() * static_cast<std::size_t>(max_expansion(Compression::deflate)),
               4 * out.size() + (std::size_t{1} << 20));
  for (std::size_t size = 2 * out.size(); size < 2 * most; size *= 2) {
    const auto room = longer_.borrow(std::min(size, most));
    if (const auto written = inflate_into(in, room)) {
      return copy_stored(room.first(*written), out);
    }
  }
  throw FormatError(
      message("found a Deflate stream of more than ", most, " bytes, wanted ", out.size()));
}

// How many bytes were written; nothing where `out` has no room for all.
std::optional<std::size_t> Codecs::inflate_into(std::span<const std::byte> in,
                                                std::span<std::byte> out) {
  std::size_t written = 0;
  const auto result = libdeflate_zlib_decompress(deflate_.get(), in.data(), in.size(), out.data(),
                                                 out.size(), &written);
  if (result == LIBDEFLATE_SUCCESS) {
    return written;
  }
  if (result != LIBDEFLATE_INSUFFICIENT_SPACE) {
    throw FormatError(kBrokenDeflate);
  }
  return std::nullopt;
}

std::size_t Codecs::decode_zstd(std::span<const std::byte> in, std::span<std::byte> out) {
  if (!zstd_) {
    zstd_.reset(ZSTD_createDCtx());
    if (!zstd_) {
      throw std::bad_alloc();
    }
  }
  const std::size_t written =
      ZSTD_decompressDCtx(zstd_.get(), out.data(), out.size(), in.data(), in.size());
  if (ZSTD_isError(written) == 0) {
    return written;
  }
  // Streaming stops where `out` is full, or where the input ends early.
  ZSTD_DCtx_reset(zstd_.get(), ZSTD_reset_session_only);
  ZSTD_outBuffer target = {out.data(), out.size(), 0};
  ZSTD_inBuffer source = {in.data(), in.size(), 0};
  while (source.pos < source.size && target.pos < target.size) {
    const auto before = source.pos + target.pos;
    const std::size_t left = ZSTD_decompressStream(zstd_.get(), &target, &source);
    if (ZSTD_isError(left) != 0) {
      throw FormatError(message("found a broken Zstd stream: ", ZSTD_getErrorName(left)));
    }
    if (source.pos + target.pos == before) {
      break;
    }
  }
  return target.pos;
}

} // namespace kinfast::tiff
