// The structure of a TIFF file: header, chain of image file directories (IFDs), tags.
#pragma once

#include "kinfast/errors.hpp"
#include "kinfast/tiff/byte_reader.hpp"
#include "kinfast/tiff/decode.hpp"
#include "kinfast/tiff/message.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kinfast::tiff {

namespace tag {
inline constexpr std::uint16_t kImageWidth = 256;
inline constexpr std::uint16_t kImageLength = 257;
inline constexpr std::uint16_t kBitsPerSample = 258;
inline constexpr std::uint16_t kCompression = 259;
inline constexpr std::uint16_t kPhotometric = 262;
inline constexpr std::uint16_t kFillOrder = 266;
inline constexpr std::uint16_t kImageDescription = 270;
inline constexpr std::uint16_t kStripOffsets = 273;
inline constexpr std::uint16_t kSamplesPerPixel = 277;
inline constexpr std::uint16_t kRowsPerStrip = 278;
inline constexpr std::uint16_t kStripByteCounts = 279;
inline constexpr std::uint16_t kXResolution = 282;
inline constexpr std::uint16_t kPlanarConfiguration = 284;
inline constexpr std::uint16_t kResolutionUnit = 296;
inline constexpr std::uint16_t kPredictor = 317;
inline constexpr std::uint16_t kTileWidth = 322;
inline constexpr std::uint16_t kTileLength = 323;
inline constexpr std::uint16_t kTileOffsets = 324;
inline constexpr std::uint16_t kTileByteCounts = 325;
inline constexpr std::uint16_t kSampleFormat = 339;
inline constexpr std::uint16_t kYCbCrSubSampling = 530;
inline constexpr std::uint16_t kImageDepth = 32997;
inline constexpr std::uint16_t kTileDepth = 32998;
inline constexpr std::uint16_t kUic1 = 33628;
inline constexpr std::uint16_t kGdalNoData = 42113;
} // namespace tag

// The tag's name in the specification, or "tag 12345".
std::string tag_name(std::uint16_t code);

// Characters up to the first zero byte.
std::string text_from(std::span<const std::byte> bytes);

// One entry of an IFD; its values stay in the file until they are asked for.
struct Entry {
  std::uint16_t code = 0;
  std::uint16_t type = 0;
  std::uint64_t count = 0;
  std::uint64_t offset = 0; // of the first value
};

// The tags of one page. Borrows the file.
class Directory {
public:
  Directory(ByteReader reader, std::vector<Entry> entries)
      : reader_(reader), entries_(std::move(entries)) {}

  bool has(std::uint16_t code) const { return find(code) != nullptr; }
  // The first value, or nothing where the tag is absent. Throws FormatError where it is no unsigned
  // integer.
  std::optional<std::uint64_t> integer(std::uint16_t code) const;
  // All values, at most `max_count` of them; empty where the tag is absent.
  std::vector<std::uint64_t> integers(std::uint16_t code, std::uint64_t max_count) const;
  // The value of a text tag up to its first zero byte; empty where it is absent, no text or past
  // the end of the file.
  std::string text(std::uint16_t code) const;
  // The first value of a RATIONAL tag; nothing where it is absent or not finite.
  std::optional<double> rational(std::uint16_t code) const;
  const ByteReader& reader() const { return reader_; }
  const Entry* find(std::uint16_t code) const;

private:
  ByteReader reader_;
  std::vector<Entry> entries_;
};

// A file's header, read and checked.
struct Header {
  ByteReader reader;
  bool big_tiff = false;
  std::uint64_t first_ifd = 0;
};

// Throws FormatError for bytes that do not start as a TIFF file does. The header borrows `source`.
Header read_header(Source& source);

// Follows the chain to page `page` and reads its tags.
// Throws std::out_of_range past the end; FormatError where the chain loops or breaks before it.
Directory read_directory(const Header& header, std::size_t page, const Limits& limits);

// Number of pages up to the end of the chain, or to where it loops or breaks.
std::size_t count_pages(const Header& header, const Limits& limits);

} // namespace kinfast::tiff
