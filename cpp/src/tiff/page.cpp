#include "kinfast/tiff/page.hpp"

#include "kinfast/tiff/codec.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

namespace kinfast::tiff {
namespace {

constexpr std::uint64_t kUnsigned = 1;
constexpr std::uint64_t kSigned = 2;
constexpr std::uint64_t kFloat = 3;
constexpr std::uint64_t kUntyped = 4; // "undefined": read as unsigned, as everyone does
constexpr std::uint64_t kComplexInteger = 5;
constexpr std::uint64_t kComplexFloat = 6;

constexpr std::uint64_t kYCbCr = 6;
constexpr std::uint64_t kRgb = 2;

std::string compression_name(std::uint64_t code) {
  constexpr std::array<std::pair<std::uint64_t, const char*>, 24> kNames = {{
      {2, "CCITT run length"},
      {3, "CCITT Group 3 fax"},
      {4, "CCITT Group 4 fax"},
      {6, "old-style JPEG"},
      {7, "JPEG"},
      {9, "JBIG"},
      {10, "JBIG"},
      {22610, "JPEG XR"},
      {32766, "NeXT"},
      {32771, "CCITT run length, word-aligned"},
      {32809, "ThunderScan"},
      {33003, "JPEG 2000"},
      {33004, "JPEG 2000"},
      {33005, "JPEG 2000"},
      {34676, "SGI LogLuv"},
      {34677, "SGI LogLuv 24"},
      {34712, "JPEG 2000"},
      {34887, "LERC"},
      {34892, "lossy JPEG"},
      {34925, "LZMA"},
      {34933, "PNG"},
      {34934, "JPEG XR"},
      {50001, "WebP"},
      {50002, "JPEG XL"},
  }};
  const auto* found = std::ranges::find(kNames, code, [](const auto& name) { return name.first; });
  return found == kNames.end() ? message("scheme ", code) : message(found->second, " (", code, ")");
}

Compression parse_compression(std::uint64_t code) {
  switch (code) {
  case 1:
    return Compression::none;
  case 5:
    return Compression::lzw;
  case 8:
  case 32946:
    return Compression::deflate;
  case 32773:
    return Compression::packbits;
  case 50000:
    return Compression::zstd;
  default:
    throw UnsupportedError(message("compression ", compression_name(code),
                                   " is not decoded; wanted none, PackBits, LZW, Deflate or Zstd"));
  }
}

std::uint64_t required(const Directory& directory, std::uint16_t code) {
  const auto value = directory.integer(code);
  if (!value) {
    throw FormatError(message(tag_name(code), " (tag ", code, ") is missing"));
  }
  return *value;
}

std::uint64_t positive(const Directory& directory, std::uint16_t code) {
  const auto value = required(directory, code);
  if (value == 0) {
    throw FormatError(message(tag_name(code), ": found 0, wanted at least 1"));
  }
  return value;
}

// The one value that a tag has for all samples.
std::uint64_t common_value(const Directory& directory, std::uint16_t code, std::uint64_t samples,
                           std::uint64_t absent) {
  const auto values = directory.integers(code, samples);
  if (values.empty()) {
    return absent;
  }
  for (const auto value : values) {
    if (value != values.front()) {
      throw UnsupportedError(message(tag_name(code), " differs between samples: found ",
                                     values.front(), " and ", value, ", wanted one for all"));
    }
  }
  return values.front();
}

SampleFormat parse_sample_format(std::uint64_t code) {
  switch (code) {
  case kUnsigned:
  case kUntyped:
    return SampleFormat::unsigned_integer;
  case kSigned:
    return SampleFormat::signed_integer;
  case kFloat:
    return SampleFormat::ieee_float;
  case kComplexInteger:
  case kComplexFloat:
    throw UnsupportedError("complex numbers are not decoded; wanted integers or floats");
  default:
    throw FormatError(message("SampleFormat: found ", code, ", wanted 1 to 6"));
  }
}

bool is_whole(unsigned bits) { return bits == 8 || bits == 16 || bits == 32 || bits == 64; }

void check_bits(std::uint64_t bits, SampleFormat format) {
  if (bits == 0 || bits > 64) {
    throw UnsupportedError(message("found ", bits, " bits a sample, wanted 1 to 64"));
  }
  const auto n = static_cast<unsigned>(bits);
  if (format == SampleFormat::ieee_float && (!is_whole(n) || n == 8)) {
    throw UnsupportedError(message("found ", bits, "-bit floats, wanted 16, 32 or 64 bits"));
  }
  if (format == SampleFormat::signed_integer && !is_whole(n)) {
    throw UnsupportedError(message("found ", bits, "-bit signed integers, wanted 8, 16, 32 or 64"));
  }
}

unsigned decoded_bytes(unsigned bits) {
  return bits <= 8 ? 1 : bits <= 16 ? 2 : bits <= 32 ? 4 : 8;
}

void check_subsampling(const Directory& directory, std::uint64_t photometric) {
  if (photometric != kYCbCr) {
    return;
  }
  const auto factors = directory.integers(tag::kYCbCrSubSampling, 2);
  for (const auto factor : factors) {
    if (factor != 1) {
      throw UnsupportedError(message("YCbCr with subsampled chroma (", factors.front(), "x",
                                     factors.back(), ") is not decoded; wanted 1x1"));
    }
  }
}

void check_predictor(const PageInfo& info, std::uint64_t predictor) {
  if (predictor < 1 || predictor > 3) {
    throw UnsupportedError(message("found predictor ", predictor, ", wanted 1, 2 or 3"));
  }
  if (predictor == 3 && info.sample_format != SampleFormat::ieee_float) {
    throw FormatError("found predictor 3, which is for floats, with integer samples");
  }
}

// Throws where the product of `factors` is over `limit`; no product is formed that could wrap.
void check_product(std::initializer_list<std::uint64_t> factors, std::uint64_t limit,
                   const std::string& found) {
  std::uint64_t room = limit;
  for (const auto factor : factors) {
    room /= factor;
  }
  if (room == 0) {
    throw LimitsError(message("found ", found, ", wanted at most ", limit));
  }
}

void check_size(const PageInfo& info, const Limits& limits) {
  check_product({info.depth, info.height, info.width, info.samples, info.bytes_per_sample},
                limits.max_image_bytes,
                message("a page of ", info.width, "x", info.height, "x", info.depth, " pixels of ",
                        info.samples, " samples of ", info.bytes_per_sample, " bytes"));
}

std::size_t read_extent(const Directory& directory, std::uint16_t code) {
  const auto value = positive(directory, code);
  if (value > UINT32_MAX) {
    throw LimitsError(message(tag_name(code), ": found ", value, ", wanted at most ", UINT32_MAX));
  }
  return static_cast<std::size_t>(value);
}

PageInfo read_info(const Directory& directory, const Limits& limits) {
  PageInfo info;
  info.width = read_extent(directory, tag::kImageWidth);
  info.height = read_extent(directory, tag::kImageLength);
  info.depth = directory.has(tag::kImageDepth) ? read_extent(directory, tag::kImageDepth) : 1;
  info.compression = parse_compression(directory.integer(tag::kCompression).value_or(1));
  const auto samples = directory.integer(tag::kSamplesPerPixel).value_or(1);
  if (samples == 0 || samples > UINT16_MAX) {
    throw FormatError(message("SamplesPerPixel: found ", samples, ", wanted 1 to 65535"));
  }
  info.samples = static_cast<std::size_t>(samples);
  info.sample_format =
      parse_sample_format(common_value(directory, tag::kSampleFormat, samples, kUnsigned));
  const auto bits = common_value(directory, tag::kBitsPerSample, samples, 1);
  check_bits(bits, info.sample_format);
  info.bits = static_cast<unsigned>(bits);
  info.bytes_per_sample = decoded_bytes(info.bits);
  const auto photometric = directory.integer(tag::kPhotometric).value_or(0);
  check_subsampling(directory, photometric);
  info.photometric = static_cast<unsigned>(std::min<std::uint64_t>(photometric, UINT16_MAX));
  const auto predictor = directory.integer(tag::kPredictor).value_or(1);
  check_predictor(info, predictor);
  info.predictor = static_cast<unsigned>(predictor);
  info.has_sample_axis = samples > 1 || photometric == kRgb;
  info.planar =
      info.has_sample_axis && directory.integer(tag::kPlanarConfiguration).value_or(1) == 2;
  info.tiled = directory.has(tag::kTileWidth);
  info.pixel_um = read_pixel_um(directory);
  check_size(info, limits);
  return info;
}

std::size_t divide_up(std::size_t n, std::size_t by) { return (n + by - 1) / by; }

double parse_missing_value(const Directory& directory) {
  return parse_number(directory.text(tag::kGdalNoData)).value_or(0);
}

void read_grid(const Directory& directory, const PageInfo& info, Layout& layout) {
  if (info.tiled) {
    layout.segment_width = read_extent(directory, tag::kTileWidth);
    layout.segment_height = read_extent(directory, tag::kTileLength);
    layout.segment_depth =
        directory.has(tag::kTileDepth) ? read_extent(directory, tag::kTileDepth) : 1;
    layout.across = divide_up(info.width, layout.segment_width);
  } else {
    const auto rows = directory.integer(tag::kRowsPerStrip).value_or(info.height);
    layout.segment_width = info.width;
    layout.segment_height =
        rows == 0 ? info.height
                  : static_cast<std::size_t>(std::min<std::uint64_t>(rows, info.height));
  }
  layout.down = divide_up(info.height, layout.segment_height);
  layout.deep = divide_up(info.depth, layout.segment_depth);
}

void check_segments(const PageInfo& info, const Layout& layout, const Limits& limits) {
  const char* what = info.tiled ? "tiles" : "strips";
  check_product({layout.planes, layout.deep, layout.down, layout.across}, limits.max_segments,
                message(layout.across, "x", layout.down, "x", layout.deep, " ", what,
                        " in each of ", layout.planes, " planes"));
  check_product({layout.segment_depth, layout.segment_height, layout.segment_width,
                 layout.samples_per_plane, info.bytes_per_sample},
                limits.max_segment_bytes,
                message(what, " of ", layout.segment_width, "x", layout.segment_height, "x",
                        layout.segment_depth, " pixels of ", layout.samples_per_plane,
                        " samples of ", info.bytes_per_sample, " bytes"));
}

// Bytes of the needed rows of a segment, as they were before compression.
std::uint64_t stored_size(const Page& page, std::size_t index) {
  const std::uint64_t row_bits =
      std::uint64_t{page.layout.segment_width} * page.layout.samples_per_plane * page.info.bits;
  return needed_rows(page, locate(page, index)) * ((row_bits + 7) / 8);
}

// Writers of uncompressed images get the byte counts wrong, and every reader copes where they do
// not matter: with one segment, or with none given.
void complete_counts(Page& page) {
  auto& counts = page.layout.byte_counts;
  const bool stored = page.info.compression == Compression::none;
  if (!counts.empty() && !(stored && page.layout.count() == 1)) {
    return;
  }
  counts.resize(page.layout.count());
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const auto size = stored_size(page, i);
    counts[i] = stored ? size : 2 * size + 1024; // a stream knows its own end
  }
}

void check_count(const Page& page, std::size_t found, const char* what) {
  if (found != page.layout.count()) {
    throw FormatError(message("found ", found, " ", what, " of ",
                              page.info.tiled ? "tiles" : "strips", ", wanted ",
                              page.layout.count()));
  }
}

// Refuses, before memory is asked for, a segment of more pixels than its compressed bytes hold.
void check_plausible(const Page& page, std::size_t index, std::uint64_t file_size) {
  const auto offset = page.layout.offsets[index];
  const auto count = page.layout.byte_counts[index];
  if (offset >= file_size) {
    throw FormatError(message(segment_name(page, index), ": found offset ", offset,
                              ", past the end of the file (", file_size, " bytes)"));
  }
  const auto wanted = stored_size(page, index);
  const auto available = std::min(count, file_size - offset);
  if (wanted / max_expansion(page.info.compression) > available) {
    throw FormatError(message(segment_name(page, index), ": found ", available, " bytes at offset ",
                              offset, " (compression ", name_of(page.info.compression),
                              "), which cannot hold ", wanted, " bytes of pixels"));
  }
}

// Segments that were never written are legal and cost no bytes, so a small file could ask for any
// amount of them.
void check_missing(const Page& page, std::uint64_t missing_bytes, std::uint64_t file_size) {
  if (page.info.missing == page.layout.count()) {
    throw FormatError(message("none of the ", page.layout.count(),
                              page.info.tiled ? " tiles" : " strips", " was ever written"));
  }
  const std::uint64_t limit = std::max(std::uint64_t{256} << 20, 64 * file_size);
  if (missing_bytes > limit) {
    throw LimitsError(message("found ", missing_bytes,
                              " bytes of pixels that were never written,"
                              " wanted at most ",
                              limit, " in a file of ", file_size, " bytes"));
  }
}

void check_segment_places(Page& page, std::uint64_t file_size) {
  std::uint64_t missing_bytes = 0;
  for (std::size_t i = 0; i < page.layout.count(); ++i) {
    if (page.layout.is_missing(i)) {
      ++page.info.missing;
      missing_bytes += stored_size(page, i);
    } else {
      check_plausible(page, i, file_size);
    }
  }
  check_missing(page, missing_bytes, file_size);
}

Layout read_layout(const Directory& directory, const PageInfo& info, const Limits& limits) {
  Layout layout;
  layout.planes = info.planar ? info.samples : 1;
  layout.samples_per_plane = info.planar ? 1 : info.samples;
  layout.reversed_bits = directory.integer(tag::kFillOrder).value_or(1) == 2;
  layout.missing_value = parse_missing_value(directory);
  read_grid(directory, info, layout);
  check_segments(info, layout, limits);
  // Some writers store the tiles' places under the strips' tags.
  const bool as_tiles = info.tiled && directory.has(tag::kTileOffsets);
  layout.offsets =
      directory.integers(as_tiles ? tag::kTileOffsets : tag::kStripOffsets, layout.count());
  layout.byte_counts =
      directory.integers(as_tiles ? tag::kTileByteCounts : tag::kStripByteCounts, layout.count());
  return layout;
}

} // namespace

Page read_page(Source& source, std::size_t index, const Limits& limits) {
  const Header header = read_header(source);
  const Directory directory = read_directory(header, index, limits);
  Page page;
  page.info = read_info(directory, limits);
  page.info.big_tiff = header.big_tiff;
  page.info.big_endian = header.reader.big_endian();
  page.layout = read_layout(directory, page.info, limits);
  check_count(page, page.layout.offsets.size(), "offsets");
  complete_counts(page);
  check_count(page, page.layout.byte_counts.size(), "byte counts");
  check_segment_places(page, source.size());
  return page;
}

Place locate(const Page& page, std::size_t index) {
  const Layout& layout = page.layout;
  const std::size_t within = index % layout.count_per_plane();
  Place place{};
  place.index = index;
  place.plane = index / layout.count_per_plane();
  place.front = within / (layout.across * layout.down) * layout.segment_depth;
  place.top = within / layout.across % layout.down * layout.segment_height;
  place.left = within % layout.across * layout.segment_width;
  place.slices = std::min(layout.segment_depth, page.info.depth - place.front);
  place.rows = std::min(layout.segment_height, page.info.height - place.top);
  place.columns = std::min(layout.segment_width, page.info.width - place.left);
  return place;
}

std::size_t needed_rows(const Page& page, const Place& place) {
  return (place.slices - 1) * page.layout.segment_height + place.rows;
}

PageInfo read_page_info(Source& source, std::size_t index, const Limits& limits) {
  PageInfo info = read_page(source, index, limits).info;
  info.pages = count_pages(read_header(source), limits);
  return info;
}

PageInfo read_page_info(std::span<const std::byte> file, std::size_t index, const Limits& limits) {
  Source source(file);
  return read_page_info(source, index, limits);
}

std::string segment_name(const Page& page, std::size_t index) {
  return message(page.info.tiled ? "tile " : "strip ", index, " of ", page.layout.count());
}

std::string name_of(Compression compression) {
  constexpr std::array<const char*, 5> kNames = {"none", "packbits", "lzw", "deflate", "zstd"};
  return kNames[static_cast<std::size_t>(compression)];
}

std::string photometric_name(unsigned photometric) {
  constexpr std::array<const char*, 10> kNames = {"miniswhite", "minisblack", "rgb",   "palette",
                                                  "mask",       "separated",  "ycbcr", "",
                                                  "cielab",     "icclab"};
  return photometric < kNames.size() && photometric != 7 ? kNames[photometric]
                                                         : message("photometric ", photometric);
}

std::string dtype_name(const PageInfo& info) {
  constexpr std::array<const char*, 3> kKinds = {"uint", "int", "float"};
  return message(kKinds[static_cast<std::size_t>(info.sample_format)], 8 * info.bytes_per_sample);
}

} // namespace kinfast::tiff
