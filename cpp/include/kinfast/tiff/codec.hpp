// Compressed bytes -> the bytes that went in.
#pragma once

#include "kinfast/tiff/buffer.hpp"
#include "kinfast/tiff/decode.hpp"
#include "kinfast/tiff/inflate.hpp"
#include "kinfast/tiff/lzw.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

struct libdeflate_decompressor;
struct ZSTD_DCtx_s;

namespace kinfast::tiff {

// The most bytes that one compressed byte can become: a file that promises more lies.
std::uint64_t max_expansion(Compression compression);

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
  std::size_t inflate_all(std::span<const std::byte> in, std::span<std::byte> out);
  std::optional<std::size_t> inflate_into(std::span<const std::byte> in, std::span<std::byte> out);
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
  std::unique_ptr<InflateDecoder> inflate_;
  Buffer longer_;
};

} // namespace kinfast::tiff
