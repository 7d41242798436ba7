// One page as the decoder needs it: what it holds and where its strips or tiles are.
#pragma once

#include "kinfast/tiff/ifd.hpp"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace kinfast::tiff {

// Where a page's pixels are. A segment is a strip or a tile; segments run left to right, top to
// bottom, front to back (in a volume), and sample after sample where the page is planar.
struct Layout {
  std::size_t planes = 1;            // 1, or the number of samples where planar
  std::size_t samples_per_plane = 1; // of a pixel within one plane
  std::size_t segment_height = 0;    // rows of a full segment
  std::size_t segment_width = 0;     // pixels of a segment's row: the image's width for strips
  std::size_t segment_depth = 1;     // slices of a full tile of a volume
  std::size_t across = 1;            // segments side by side
  std::size_t down = 1;              // segments above each other
  std::size_t deep = 1;              // segments behind each other
  std::vector<std::uint64_t> offsets;
  std::vector<std::uint64_t> byte_counts;
  bool reversed_bits = false; // fill order 2
  double missing_value = 0;   // of pixels in tiles that were never written (GDAL_NODATA)

  std::size_t count_per_plane() const { return across * down * deep; }
  std::size_t count() const { return planes * count_per_plane(); }
  bool is_missing(std::size_t index) const {
    return offsets[index] == 0 || byte_counts[index] == 0;
  }
};

// The part of the image that one segment covers.
struct Place {
  std::size_t index; // of the segment
  std::size_t plane;
  std::size_t front;   // first slice
  std::size_t top;     // first row
  std::size_t left;    // first column
  std::size_t slices;  // within the image
  std::size_t rows;    // of each slice, within the image
  std::size_t columns; // of each row, within the image
};

struct Page {
  PageInfo info;
  Layout layout;
};

// Reads and checks page `page`. Throws as read_page_info does. `info.pages` is left at 1: counting
// costs a walk through the whole file.
Page read_page(Source& source, std::size_t page, const Limits& limits);

// A width, height or depth: 1 to 2^32 - 1.
std::size_t read_extent(const Directory& directory, std::uint16_t code);

// Reads where the segments of the page that `info` describes are.
Layout read_layout(const Directory& directory, const PageInfo& info, const Limits& limits);

// Completes byte counts that may be absent, and checks each segment against the file's size before
// any memory is asked for. Returns how many segments were never written.
std::size_t check_segments(Page& page, std::uint64_t file_size);

// Throws LimitsError where the product of `factors` (none of them 0) is over `limit`; no product is
// formed that could wrap. `describe` says what was found.
template <typename Describe>
void check_product(std::initializer_list<std::uint64_t> factors, std::uint64_t limit,
                   const Describe& describe) {
  std::uint64_t room = limit;
  for (const auto factor : factors) {
    room /= factor;
  }
  if (room == 0) {
    throw LimitsError(message("found ", describe(), ", wanted at most ", limit));
  }
}

// "JPEG (7)", or "scheme 7" for a number without a name here.
std::string compression_name(std::uint64_t code);

Place locate(const Page& page, std::size_t index);

// Rows of a segment that are needed: all from its first to the last that lies in the image.
std::size_t needed_rows(const Page& page, const Place& place);

// "strip 3 of 5".
std::string segment_name(const Page& page, std::size_t index);

// The number that `text` begins with, written with a decimal point whatever the locale.
std::optional<double> parse_number(const std::string& text);

// The width of a pixel in micrometres, where OME-XML, MetaMorph, ImageJ or the resolution tags tell
// a plausible one.
std::optional<double> read_pixel_um(const Directory& directory);

} // namespace kinfast::tiff
