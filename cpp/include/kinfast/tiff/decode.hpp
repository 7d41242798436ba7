// TIFF files: what a page says of itself, and its pixels.
//
// Classic TIFF and BigTIFF, both byte orders; strips and tiles; chunky and planar; integers of 1 to
// 64 bits and floats of 16, 32 and 64; no compression, PackBits, LZW, Deflate and Zstd, with
// predictors 1, 2 and 3. Pixels come out as they are stored: a palette's index, MINISWHITE not
// inverted, orientation not applied, native byte order.
//
// Every function here may be called from any number of threads at once; a Decoder belongs to one
// thread at a time.
#pragma once

#include "kinfast/tiff/source.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace kinfast::tiff {

// What a file may ask for. Checked before anything of that size is allocated.
struct Limits {
  std::uint64_t max_image_bytes = std::uint64_t{1} << 32;   // of one decoded page
  std::uint64_t max_segment_bytes = std::uint64_t{1} << 31; // of one decoded strip or tile
  std::uint64_t max_segments = std::uint64_t{1} << 24;      // strips or tiles in a page
  std::uint64_t max_pages = std::uint64_t{1} << 20;         // IFDs in a file
  std::uint64_t max_tags = 4096;                            // entries in one IFD
};

enum class Compression : std::uint8_t { none, packbits, lzw, deflate, zstd };
enum class SampleFormat : std::uint8_t { unsigned_integer, signed_integer, ieee_float };

struct PageInfo {
  std::size_t height = 0;
  std::size_t width = 0;
  std::size_t depth = 1; // planes of a volume stored as one page: (D, H, W) where more than one
  std::size_t samples = 1;
  unsigned bits = 1;             // of a sample in the file, 1 to 64
  unsigned bytes_per_sample = 1; // of a sample once decoded: 1, 2, 4 or 8
  SampleFormat sample_format = SampleFormat::unsigned_integer;
  bool planar = false;          // (S, H, W) rather than (H, W, S)
  bool has_sample_axis = false; // RGB, or more than one sample
  Compression compression = Compression::none;
  unsigned predictor = 1;
  unsigned photometric = 1;
  bool tiled = false;
  bool big_tiff = false;
  bool big_endian = false;
  std::size_t pages = 1;
  std::size_t missing =
      0; // strips or tiles that were never written: their pixels are GDAL's no-data value, or 0
  std::optional<double> pixel_um; // from OME, MetaMorph, ImageJ or the resolution tags

  // Size of the decoded page.
  std::size_t byte_count() const { return depth * height * width * samples * bytes_per_sample; }
};

// Names as people write them: "lzw"; "palette", or "photometric 7" for what has no name here.
std::string name_of(Compression compression);
std::string photometric_name(unsigned photometric);
// NumPy's name: "uint16", "float32".
std::string dtype_name(const PageInfo& info);

// Reads the whole file at `path`. The second form reuses `buffer`'s memory.
// Throws IoError that names the path.
std::vector<std::byte> read_file(const std::string& path);
void read_file_into(const std::string& path, std::vector<std::byte>& buffer);

// Describes page `page` (0-based) and checks that this decoder can do it.
// Throws FormatError, UnsupportedError, LimitsError; std::out_of_range for a page past the end.
PageInfo read_page_info(std::span<const std::byte> file, std::size_t page, const Limits& limits);
PageInfo read_page_info(Source& source, std::size_t page, const Limits& limits);

struct Page;    // in page.hpp
struct Scratch; // in decode.cpp

// Decodes pages, and keeps its working memory from one to the next.
class Decoder {
public:
  Decoder();
  ~Decoder();
  Decoder(Decoder&&) noexcept;
  Decoder& operator=(Decoder&&) noexcept;

  // Decodes one page into `out`, which is exactly byte_count() of its PageInfo, C order, native
  // byte order. Writes every pixel or throws (then `out` holds anything).
  void decode_into(std::span<const std::byte> file, std::size_t page, const Limits& limits,
                   std::span<std::byte> out);
  void decode_into(Source& source, const Page& page,
                   std::span<std::byte> out); // a page read before

  // Decodes a grey or palette page of at most 16 unsigned bits into `out`, height x width, 8-bit
  // pixels widened as they are. Throws UnsupportedError for another kind of page, FormatError for
  // another shape or a page of which a part was never written.
  void decode_grey16_into(std::span<const std::byte> file, std::size_t page, const Limits& limits,
                          std::size_t height, std::size_t width, std::span<std::uint16_t> out);

  // Where in `file` the pixels of such a page lie just as decode_grey16_into would write them, so
  // that nothing need be copied; nothing where it has work to do. Throws what it throws.
  std::optional<std::uint64_t> stored_grey16_at(std::span<const std::byte> file, std::size_t page,
                                                const Limits& limits);

private:
  std::unique_ptr<Scratch> scratch_;
};

// The same, with working memory for this one call.
void decode_into(std::span<const std::byte> file, std::size_t page, const Limits& limits,
                 std::span<std::byte> out);
void decode_grey16_into(std::span<const std::byte> file, std::size_t page, const Limits& limits,
                        std::size_t height, std::size_t width, std::span<std::uint16_t> out);

} // namespace kinfast::tiff
