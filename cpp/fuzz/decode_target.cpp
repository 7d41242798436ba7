#include "decode_target.hpp"

#include "memory_file.hpp"
#include "mismatch.hpp"
#include "stream_target.hpp"

#include "kinfast/errors.hpp"
#include "kinfast/tiff/decode.hpp"
#include "kinfast/tiff/page.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

namespace kinfast::fuzz {
namespace {

constexpr std::size_t kMaxPages = 4;

// Pixels, or why there are none.
struct Decoded {
  std::string description;
  std::vector<std::byte> pixels;
  std::string error;

  bool operator==(const Decoded&) const = default;
};

std::string describe(const tiff::PageInfo& info) {
  return tiff::message(info.height, " ", info.width, " ", info.depth, " ", info.samples, " ",
                       info.bits, " ", dtype_name(info), " ", name_of(info.compression), " ",
                       info.predictor, " ", tiff::photometric_name(info.photometric), " ",
                       info.pages, " ", info.missing, " ", info.pixel_um.value_or(0));
}

// `untouched` is what the memory for the pixels holds before.
Decoded decode_page(tiff::Source& source, std::size_t index, const tiff::Limits& limits,
                    std::byte untouched) {
  Decoded decoded;
  try {
    decoded.description = describe(tiff::read_page_info(source, index, limits));
    const tiff::Page page = tiff::read_page(source, index, limits);
    std::vector<std::byte> pixels(page.info.byte_count(), untouched);
    tiff::Decoder().decode_into(source, page, pixels);
    decoded.pixels = std::move(pixels);
  } catch (const TiffError& error) {
    decoded.error = error.what();
  } catch (const std::out_of_range& error) {
    decoded.error = error.what();
  }
  return decoded;
}

// The path of a plate's images, which refuses more kinds of page and never gives other pixels.
void compare_grey16(std::span<const std::byte> file, std::size_t index, const tiff::Page& page,
                    const tiff::Limits& limits, const Decoded& wanted) {
  std::vector<std::uint16_t> wide(page.info.height * page.info.width);
  try {
    tiff::decode_grey16_into(file, index, limits, page.info.height, page.info.width, wide);
  } catch (const TiffError&) {
    return;
  }
  const auto bytes = std::as_bytes(std::span<const std::uint16_t>(wide));
  if (page.info.bytes_per_sample == 2) {
    require(std::ranges::equal(bytes, wanted.pixels), "16-bit grey against any type");
  } else {
    require(
        std::ranges::equal(wide, wanted.pixels, {}, {},
                           [](std::byte pixel) { return std::to_integer<std::uint16_t>(pixel); }),
        "8-bit grey against any type");
  }
  if (const auto at = tiff::Decoder().stored_grey16_at(file, index, limits)) {
    require(std::ranges::equal(bytes, file.subspan(static_cast<std::size_t>(*at), bytes.size())),
            "pixels as they lie in the file against decoded ones");
  }
}

void compare_segments(std::span<const std::byte> file, const tiff::Page& page) {
  for (std::size_t i = 0; i < page.layout.count(); ++i) {
    if (page.layout.is_missing(i)) {
      continue;
    }
    const auto offset = static_cast<std::size_t>(page.layout.offsets[i]);
    const auto rest = file.subspan(std::min(offset, file.size()));
    const auto count = std::min<std::uint64_t>(page.layout.byte_counts[i], rest.size());
    const auto& layout = page.layout;
    const std::size_t size = tiff::needed_rows(page, tiff::locate(page, i)) * layout.segment_width *
                             layout.samples_per_plane * page.info.bytes_per_sample;
    compare_codecs(page.info.compression, rest.first(static_cast<std::size_t>(count)), size);
  }
}

void compare_sources(const Decoded& from_memory, const std::string& path, std::size_t index,
                     const tiff::Limits& limits) {
  // A window of a few bytes, so that a small file takes the steps that a large one takes.
  constexpr std::uint64_t kTiny = 24;
  for (const std::uint64_t window : {tiff::Source::kWindowBytes, kTiny}) {
    tiff::Source source;
    source.open(path, window);
    const Decoded from_file = decode_page(source, index, limits, std::byte{0xFF});
    require(from_memory == from_file, "page ", index, ", memory against a file read by ", window,
            " bytes: ", from_memory.description, " ", from_memory.error, " against ",
            from_file.description, " ", from_file.error);
  }
}

Outcome compare_page(std::span<const std::byte> file, const std::string& path, std::size_t index,
                     const tiff::Limits& limits) {
  tiff::Source memory(file);
  const Decoded decoded = decode_page(memory, index, limits, std::byte{0x00});
  compare_sources(decoded, path, index, limits);
  if (!decoded.error.empty()) {
    return Outcome::error;
  }
  const tiff::Page page = tiff::read_page(memory, index, limits);
  compare_grey16(file, index, page, limits, decoded);
  compare_segments(file, page);
  return Outcome::pixels;
}

} // namespace

Outcome decode_bytes(std::span<const std::byte> file, std::uint64_t max_bytes) {
  tiff::Limits limits;
  limits.max_image_bytes = max_bytes;
  limits.max_segment_bytes = max_bytes;
  compare_stream(file);
  static MemoryFile on_disk;
  on_disk.fill(file);
  const Outcome first = compare_page(file, on_disk.path(), 0, limits);
  for (std::size_t page = 1; first == Outcome::pixels && page < kMaxPages; ++page) {
    compare_page(file, on_disk.path(), page, limits);
  }
  return first;
}

} // namespace kinfast::fuzz
