#include "kinfast/tiff/page.hpp"

#include <algorithm>

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

void check_size(const PageInfo& info, const Limits& limits) {
  check_product({info.depth, info.height, info.width, info.samples, info.bytes_per_sample},
                limits.max_image_bytes, [&info] {
                  return message("a page of ", info.width, "x", info.height, "x", info.depth,
                                 " pixels of ", info.samples, " samples of ", info.bytes_per_sample,
                                 " bytes");
                });
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
  check_size(info, limits);
  return info;
}

} // namespace

std::size_t read_extent(const Directory& directory, std::uint16_t code) {
  const auto value = directory.integer(code);
  if (!value) {
    throw FormatError(message(tag_name(code), " (tag ", code, ") is missing"));
  }
  if (*value == 0) {
    throw FormatError(message(tag_name(code), ": found 0, wanted at least 1"));
  }
  if (*value > UINT32_MAX) {
    throw LimitsError(message(tag_name(code), ": found ", *value, ", wanted at most ", UINT32_MAX));
  }
  return static_cast<std::size_t>(*value);
}

Page read_page(Source& source, std::size_t index, const Limits& limits) {
  const Header header = read_header(source);
  const Directory directory = read_directory(header, index, limits);
  Page page;
  page.info = read_info(directory, limits);
  page.info.big_tiff = header.big_tiff;
  page.info.big_endian = header.reader.big_endian();
  page.layout = read_layout(directory, page.info, limits);
  page.info.missing = check_segments(page, source.size());
  return page;
}

PageInfo read_page_info(Source& source, std::size_t index, const Limits& limits) {
  PageInfo info = read_page(source, index, limits).info;
  const Header header = read_header(source);
  info.pixel_um = read_pixel_um(read_directory(header, index, limits));
  info.pages = count_pages(header, limits);
  return info;
}

PageInfo read_page_info(std::span<const std::byte> file, std::size_t index, const Limits& limits) {
  Source source(file);
  return read_page_info(source, index, limits);
}

} // namespace kinfast::tiff
