// One page as the decoder needs it: what it holds and where its strips or tiles are.
#pragma once

#include "kinfast/tiff/ifd.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace kinfast::tiff {

// Where a page's pixels are. A segment is a strip or a tile; segments run left to right, top to bottom, and plane after
// plane where the page is planar.
struct Layout {
  std::size_t planes = 1;            // 1, or the number of samples where planar
  std::size_t samples_per_plane = 1; // of a pixel within one plane
  std::size_t segment_height = 0;    // rows of a full segment
  std::size_t segment_width = 0;     // pixels of a segment's row: the image's width for strips
  std::size_t across = 1;            // segments side by side
  std::size_t down = 1;              // segments above each other in one plane
  std::vector<std::uint64_t> offsets;
  std::vector<std::uint64_t> byte_counts;
  bool reversed_bits = false; // fill order 2
  double missing_value = 0;   // of pixels in tiles that were never written (GDAL_NODATA)

  std::size_t count() const { return planes * across * down; }
};

struct Page {
  PageInfo info;
  Layout layout;
};

// Reads and checks page `page`. Throws as read_page_info does. `info.pages` is left at 1: counting costs a walk
// through the whole file.
Page read_page(Source& source, std::size_t page, const Limits& limits);

// "strip 3 of 5".
std::string segment_name(const Page& page, std::size_t index);

// The width of a pixel in micrometres, where OME-XML, MetaMorph, ImageJ or the resolution tags tell a plausible one.
std::optional<double> read_pixel_um(const Directory& directory);

} // namespace kinfast::tiff
