// Compressed bytes -> the bytes that went in.
#pragma once

#include "kinfast/tiff/buffer.hpp"
#include "kinfast/tiff/decode.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

struct libdeflate_decompressor;
struct ZSTD_DCtx_s;

namespace kinfast::tiff {

// The most bytes that one compressed byte can become: a file that promises more lies.
std::uint64_t max_expansion(Compression compression);

// Undoes TIFF's LZW (MSB first, early change) and the LSB-first variant of the first libtiff.
class LzwDecoder {
public:
  // Fills `out` from its start; returns how many bytes were written. What does not fit is left out;
  // input that ends without an end code just ends. Throws FormatError for a code that cannot be.
  std::size_t decode(std::span<const std::byte> in, std::span<std::byte> out);

private:
  // A string is a stretch of `out`: where it starts and how long it is.
  struct Text {
    std::uint32_t start;
    std::uint32_t length;
  };
  template <bool kOldStyle>
  std::size_t decode_codes(std::span<const std::byte> in, std::span<std::byte> out);

  std::array<Text, 4096> texts_;
};

// Fills `out` from its start; returns how many bytes were written.
std::size_t decode_packbits(std::span<const std::byte> in, std::span<std::byte> out);

// All codecs, with the memory they work in.
class Codecs {
public:
  Codecs();
  ~Codecs();
  Codecs(const Codecs&) = delete;
  Codecs& operator=(const Codecs&) = delete;

  // Fills `out` from its start and returns how many bytes were written: fewer where the stream ends
  // early, and no more than fit where it goes on. Throws FormatError for a broken stream.
  std::size_t decompress(Compression compression, std::span<const std::byte> in,
                         std::span<std::byte> out);

private:
  std::size_t inflate(std::span<const std::byte> in, std::span<std::byte> out);
  std::size_t inflate_longer(std::span<const std::byte> in, std::span<std::byte> out);
  std::size_t decode_zstd(std::span<const std::byte> in, std::span<std::byte> out);

  struct DeflateDelete {
    void operator()(libdeflate_decompressor* decompressor) const;
  };
  struct ZstdDelete {
    void operator()(ZSTD_DCtx_s* context) const;
  };
  std::unique_ptr<libdeflate_decompressor, DeflateDelete> deflate_;
  std::unique_ptr<ZSTD_DCtx_s, ZstdDelete> zstd_;
  std::unique_ptr<LzwDecoder> lzw_;
  Buffer longer_;
};

} // namespace kinfast::tiff
