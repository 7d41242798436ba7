#include "kinfast/tiff/ifd.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <unordered_set>

namespace kinfast::tiff {
namespace {

constexpr std::uint16_t kTypeAscii = 2;
constexpr std::uint16_t kTypeRational = 5;

// Bytes of one value of each TIFF type; 0 for numbers that are no type.
constexpr std::array<std::uint8_t, 19> kTypeSizes = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4,
                                                     8, 4, 8, 4, 0, 0, 8, 8, 8};

unsigned size_of_type(std::uint16_t type) {
  return type < kTypeSizes.size() ? kTypeSizes[type] : 0;
}

bool is_signed_type(std::uint16_t type) {
  return type == 6 || type == 8 || type == 9 || type == 17;
}

bool is_integer_type(std::uint16_t type) {
  return type == 1 || type == 3 || type == 4 || type == 13 || type == 16 || type == 18 ||
         is_signed_type(type);
}

// Sizes of an IFD's parts in classic TIFF and in BigTIFF.
struct IfdSizes {
  unsigned count;
  unsigned entry;
  unsigned offset;
};

IfdSizes ifd_sizes(bool big_tiff) { return big_tiff ? IfdSizes{8, 20, 8} : IfdSizes{2, 12, 4}; }

std::uint64_t read_entry_count(const Header& header, std::uint64_t ifd, const Limits& limits) {
  const auto count =
      header.reader.read_uint(ifd, ifd_sizes(header.big_tiff).count, "number of tags");
  if (count > limits.max_tags) {
    throw FormatError(message("IFD at offset ", ifd, ": found ", count, " tags, wanted at most ",
                              limits.max_tags));
  }
  return count;
}

// The offset of the IFD after the one at `ifd`; 0 ends the chain.
std::uint64_t next_ifd(const Header& header, std::uint64_t ifd, const Limits& limits) {
  const auto sizes = ifd_sizes(header.big_tiff);
  const auto count = read_entry_count(header, ifd, limits);
  return header.reader.read_uint(ifd + sizes.count + count * sizes.entry, sizes.offset,
                                 "offset of the next IFD");
}

// Walks a chain of IFDs and remembers where it has been.
class IfdChain {
public:
  IfdChain(const Header& header, const Limits& limits) : header_(header), limits_(limits) {
    enter(header.first_ifd);
  }

  std::uint64_t offset() const { return offset_; } // 0 past the end
  std::size_t index() const { return index_; }

  void advance() {
    enter(next_ifd(header_, offset_, limits_));
    ++index_;
  }

private:
  void enter(std::uint64_t offset) {
    if (offset != 0) {
      if (!visited_.insert(offset).second) {
        throw FormatError(message("the chain of IFDs loops: page ", index_,
                                  " is followed by the IFD at offset ", offset,
                                  ", which came before"));
      }
      if (visited_.size() > limits_.max_pages) {
        throw LimitsError(message("found more than ", limits_.max_pages, " pages"));
      }
      read_entry_count(header_, offset, limits_);
    }
    offset_ = offset;
  }

  const Header& header_;
  const Limits& limits_;
  std::unordered_set<std::uint64_t> visited_;
  std::uint64_t offset_ = 0;
  std::size_t index_ = 0;
};

Entry read_entry(const Header& header, std::uint64_t position) {
  const auto& reader = header.reader;
  const unsigned word = header.big_tiff ? 8 : 4;
  Entry entry;
  entry.code = static_cast<std::uint16_t>(reader.read_uint(position, 2, "tag"));
  entry.type = static_cast<std::uint16_t>(reader.read_uint(position + 2, 2, "type of a tag"));
  entry.count = reader.read_uint(position + 4, word, "count of a tag");
  const std::uint64_t inline_position = position + 4 + word;
  const unsigned size = std::max(1U, size_of_type(entry.type));
  entry.offset = entry.count <= word / size
                     ? inline_position
                     : reader.read_uint(inline_position, word, "offset of a tag's values");
  return entry;
}

} // namespace

std::string tag_name(std::uint16_t code) {
  switch (code) {
  case tag::kImageWidth:
    return "ImageWidth";
  case tag::kImageLength:
    return "ImageLength";
  case tag::kBitsPerSample:
    return "BitsPerSample";
  case tag::kCompression:
    return "Compression";
  case tag::kPhotometric:
    return "PhotometricInterpretation";
  case tag::kFillOrder:
    return "FillOrder";
  case tag::kStripOffsets:
    return "StripOffsets";
  case tag::kSamplesPerPixel:
    return "SamplesPerPixel";
  case tag::kRowsPerStrip:
    return "RowsPerStrip";
  case tag::kStripByteCounts:
    return "StripByteCounts";
  case tag::kPlanarConfiguration:
    return "PlanarConfiguration";
  case tag::kPredictor:
    return "Predictor";
  case tag::kTileWidth:
    return "TileWidth";
  case tag::kTileLength:
    return "TileLength";
  case tag::kTileOffsets:
    return "TileOffsets";
  case tag::kTileByteCounts:
    return "TileByteCounts";
  case tag::kSampleFormat:
    return "SampleFormat";
  default:
    return message("tag ", code);
  }
}

std::string text_from(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte byte : bytes) {
    if (byte == std::byte{0}) {
      break;
    }
    text.push_back(static_cast<char>(byte));
  }
  return text;
}

const Entry* Directory::find(std::uint16_t code) const {
  const auto found =
      std::ranges::find_if(entries_, [code](const Entry& entry) { return entry.code == code; });
  return found == entries_.end() ? nullptr : &*found;
}

std::optional<std::uint64_t> Directory::integer(std::uint16_t code) const {
  const auto values = integers(code, 1);
  return values.empty() ? std::nullopt : std::optional(values.front());
}

std::vector<std::uint64_t> Directory::integers(std::uint16_t code, std::uint64_t max_count) const {
  const Entry* entry = find(code);
  if (entry == nullptr) {
    return {};
  }
  if (!is_integer_type(entry->type)) {
    throw FormatError(message(tag_name(code), ": found values of type ", entry->type,
                              ", wanted an unsigned integer"));
  }
  const std::uint64_t count = std::min(entry->count, max_count);
  // Checked before the vector is allocated: count is then bounded by the size of the file.
  if (count > reader_.size()) {
    throw FormatError(message(tag_name(code), ": found ", count,
                              " values, more than the file has bytes (", reader_.size(), ")"));
  }
  const unsigned size = size_of_type(entry->type);
  reader_.slice(entry->offset, count * size, tag_name(code).c_str());
  std::vector<std::uint64_t> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = reader_.read_uint(entry->offset + i * size, size, "value of a tag");
    if (is_signed_type(entry->type) && ((values[i] >> (8 * size - 1)) & 1) != 0) {
      throw FormatError(message(tag_name(code), ": found a negative number"));
    }
  }
  return values;
}

std::string Directory::text(std::uint16_t code) const {
  const Entry* entry = find(code);
  if (entry == nullptr || entry->type != kTypeAscii || entry->offset > reader_.size()) {
    return {};
  }
  const auto bytes =
      reader_.slice(entry->offset, std::min(entry->count, reader_.size() - entry->offset), "text");
  return text_from(bytes);
}

std::optional<double> Directory::rational(std::uint16_t code) const {
  const Entry* entry = find(code);
  if (entry == nullptr || entry->type != kTypeRational || entry->count == 0 ||
      entry->offset > reader_.size() || reader_.size() - entry->offset < 8) {
    return std::nullopt;
  }
  const auto numerator = static_cast<double>(reader_.read_uint(entry->offset, 4, "numerator"));
  const auto denominator =
      static_cast<double>(reader_.read_uint(entry->offset + 4, 4, "denominator"));
  return denominator > 0 ? std::optional(numerator / denominator) : std::nullopt;
}

Header read_header(Source& source) {
  if (source.size() < 8) {
    throw FormatError(
        message("not a TIFF file: found ", source.size(), " bytes, wanted at least 8"));
  }
  const auto start = source.view(0, 2, "byte order");
  const auto first = std::to_integer<unsigned>(start[0]);
  const auto second = std::to_integer<unsigned>(start[1]);
  if (first != second || (first != 'I' && first != 'M')) {
    throw FormatError(message("not a TIFF file: found first bytes ", first, " ", second,
                              ", wanted II (73 73) or MM (77 77)"));
  }
  const ByteReader reader(source, first == 'M');
  const auto version = reader.read_uint(2, 2, "version");
  if (version == 42) {
    return {reader, false, reader.read_uint(4, 4, "offset of the first IFD")};
  }
  if (version != 43) {
    throw FormatError(
        message("not a TIFF file: found version ", version, ", wanted 42 or 43 (BigTIFF)"));
  }
  const auto offset_size = reader.read_uint(4, 2, "BigTIFF offset size");
  if (offset_size != 8) {
    throw FormatError(
        message("BigTIFF header: found offsets of ", offset_size, " bytes, wanted 8"));
  }
  return {reader, true, reader.read_uint(8, 8, "offset of the first IFD")};
}

Directory read_directory(const Header& header, std::size_t page, const Limits& limits) {
  IfdChain chain(header, limits);
  while (chain.offset() != 0 && chain.index() < page) {
    chain.advance();
  }
  if (chain.offset() == 0) {
    if (chain.index() == 0) {
      throw FormatError("the file has no page: the offset of the first IFD is 0");
    }
    throw std::out_of_range(
        message("page ", page, ": the file has ", chain.index(), " pages, counted from 0"));
  }
  const auto sizes = ifd_sizes(header.big_tiff);
  const auto count = read_entry_count(header, chain.offset(), limits);
  std::vector<Entry> entries;
  entries.reserve(static_cast<std::size_t>(count));
  for (std::uint64_t i = 0; i < count; ++i) {
    entries.push_back(read_entry(header, chain.offset() + sizes.count + i * sizes.entry));
  }
  return {header.reader, std::move(entries)};
}

std::size_t count_pages(const Header& header, const Limits& limits) {
  std::size_t pages = 0;
  try {
    IfdChain chain(header, limits);
    while (chain.offset() != 0) {
      ++pages;
      chain.advance();
    }
  } catch (const FormatError&) {
    // The pages before the fault are sound, and whoever asks for one after it is told.
  }
  return pages;
}

} // namespace kinfast::tiff
