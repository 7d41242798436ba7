// Where a page's strips or tiles are, and whether that can be.
#include "kinfast/tiff/page.hpp"

#include "kinfast/tiff/codec.hpp"

#include <algorithm>

namespace kinfast::tiff {
namespace {

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

void check_grid(const PageInfo& info, const Layout& layout, const Limits& limits) {
  const char* what = info.tiled ? "tiles" : "strips";
  check_product({layout.planes, layout.deep, layout.down, layout.across}, limits.max_segments, [&] {
    return message(layout.across, "x", layout.down, "x", layout.deep, " ", what, " in each of ",
                   layout.planes, " planes");
  });
  // The LZW decoder keeps places in a segment in 32 bits.
  const auto most = std::min<std::uint64_t>(limits.max_segment_bytes, UINT32_MAX);
  check_product({layout.segment_depth, layout.segment_height, layout.segment_width,
                 layout.samples_per_plane, info.bytes_per_sample},
                most, [&] {
                  return message(what, " of ", layout.segment_width, "x", layout.segment_height,
                                 "x", layout.segment_depth, " pixels of ", layout.samples_per_plane,
                                 " samples of ", info.bytes_per_sample, " bytes");
                });
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
void check_missing(const Page& page, std::size_t n_missing, std::uint64_t missing_bytes,
                   std::uint64_t file_size) {
  if (n_missing == page.layout.count()) {
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

} // namespace

Layout read_layout(const Directory& directory, const PageInfo& info, const Limits& limits) {
  Layout layout;
  layout.planes = info.planar ? info.samples : 1;
  layout.samples_per_plane = info.planar ? 1 : info.samples;
  layout.reversed_bits = directory.integer(tag::kFillOrder).value_or(1) == 2;
  layout.missing_value = parse_missing_value(directory);
  read_grid(directory, info, layout);
  check_grid(info, layout, limits);
  // Some writers store the tiles' places under the strips' tags.
  const bool as_tiles = info.tiled && directory.has(tag::kTileOffsets);
  layout.offsets =
      directory.integers(as_tiles ? tag::kTileOffsets : tag::kStripOffsets, layout.count());
  layout.byte_counts =
      directory.integers(as_tiles ? tag::kTileByteCounts : tag::kStripByteCounts, layout.count());
  return layout;
}

std::size_t check_segments(Page& page, std::uint64_t file_size) {
  check_count(page, page.layout.offsets.size(), "offsets");
  complete_counts(page);
  check_count(page, page.layout.byte_counts.size(), "byte counts");
  std::size_t n_missing = 0;
  std::uint64_t missing_bytes = 0;
  for (std::size_t i = 0; i < page.layout.count(); ++i) {
    if (page.layout.is_missing(i)) {
      ++n_missing;
      missing_bytes += stored_size(page, i);
    } else {
      check_plausible(page, i, file_size);
    }
  }
  check_missing(page, n_missing, missing_bytes, file_size);
  return n_missing;
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

std::string segment_name(const Page& page, std::size_t index) {
  return message(page.info.tiled ? "tile " : "strip ", index, " of ", page.layout.count());
}

} // namespace kinfast::tiff
