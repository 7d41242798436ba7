// From a page's segments to its pixels.
//
// Strips of whole-byte samples are decompressed straight into the image and finished there. Tiles,
// and samples that do not fill their bytes, pass through working memory. A page that lies in one
// piece in the file is copied in one piece.
#include "kinfast/tiff/decode.hpp"

#include "kinfast/errors.hpp"
#include "kinfast/tiff/bits.hpp"
#include "kinfast/tiff/codec.hpp"
#include "kinfast/tiff/message.hpp"
#include "kinfast/tiff/page.hpp"
#include "kinfast/tiff/predictor.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>

namespace kinfast::tiff {

struct Scratch {
  Codecs codecs;
  Buffer reversed; // a segment's compressed bytes with their bits turned around
  Buffer packed;   // a segment's decompressed rows, samples of odd widths still packed
  Buffer tile;     // a tile's finished samples
  Buffer row;      // one row, for predictor 3
  Buffer narrow;   // an 8-bit image that is to be widened
};

namespace {

constexpr bool kNativeBigEndian = std::endian::native == std::endian::big;

bool is_whole(unsigned bits) { return bits == 8 || bits == 16 || bits == 32 || bits == 64; }

// Decodes the segments of one page.
class PageDecode {
public:
  PageDecode(Source& source, const Page& page, Scratch& scratch, std::span<std::byte> out)
      : source_(source), info_(page.info), page_(page), layout_(page.layout), scratch_(scratch),
        out_(out) {}

  void run() {
    if (is_one_piece()) {
      source_.copy(layout_.offsets.front(), out_, "pixels");
      if (layout_.reversed_bits) {
        reverse_bits(out_, out_);
      }
      finish_rows(out_, info_.width * layout_.samples_per_plane);
      return;
    }
    for (std::size_t index = 0; index < layout_.count(); ++index) {
      decode_segment(locate(page_, index));
    }
  }

  // Where the page's pixels lie in the file just as they come out; nothing where they are coded,
  // scattered or in another byte order.
  std::optional<std::uint64_t> stored_at() const {
    const bool as_they_come_out = info_.predictor == 1 && !layout_.reversed_bits &&
                                  (info_.big_endian == kNativeBigEndian || info_.bits == 8);
    if (!as_they_come_out || !is_one_piece()) {
      return std::nullopt;
    }
    const std::uint64_t offset = layout_.offsets.front();
    const std::uint64_t n_bytes = info_.byte_count();
    const bool fits = offset <= source_.size() && n_bytes <= source_.size() - offset;
    return fits ? std::optional(offset) : std::nullopt;
  }

private:
  // Whether the stored bytes are the image, in order and without a gap.
  bool is_one_piece() const {
    if (info_.compression != Compression::none || !is_whole(info_.bits)) {
      return false;
    }
    if (info_.tiled && (layout_.segment_width != info_.width ||
                        info_.height % layout_.segment_height != 0 || layout_.segment_depth != 1)) {
      return false;
    }
    if (layout_.offsets.size() == 1) {
      return layout_.offsets.front() != 0;
    }
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < layout_.offsets.size(); ++i) {
      const auto& count = layout_.byte_counts[i];
      const bool gap =
          i > 0 && layout_.offsets[i - 1] + layout_.byte_counts[i - 1] != layout_.offsets[i];
      if (gap || count == 0 || layout_.offsets[i] == 0) {
        return false;
      }
      sum += count;
    }
    return sum == info_.byte_count();
  }

  // Bytes from segment `index` on that hold it and those stored right behind it: one request for
  // many small strips, and few enough bytes to stay in cache.
  std::uint64_t stretch_from(std::size_t index, std::uint64_t count) const {
    constexpr std::uint64_t kMost = std::uint64_t{1} << 20;
    constexpr std::uint64_t kGap = 512;
    const std::uint64_t begin = layout_.offsets[index];
    std::uint64_t end = begin + count;
    for (std::size_t next = index + 1; next < layout_.count(); ++next) {
      const auto offset = layout_.offsets[next];
      if (offset < end || offset - end > kGap || layout_.byte_counts[next] > kMost ||
          offset + layout_.byte_counts[next] - begin > kMost) {
        break;
      }
      end = offset + layout_.byte_counts[next];
    }
    return end - begin;
  }

  std::size_t sample_bytes(std::size_t pixels) const {
    return pixels * layout_.samples_per_plane * info_.bytes_per_sample;
  }

  // The image's bytes from the segment's first pixel of one row on.
  std::span<std::byte> image_at(const Place& place, std::size_t slice, std::size_t row,
                                std::size_t n_bytes) const {
    const std::size_t image_slice = place.plane * info_.depth + place.front + slice;
    const std::size_t image_row = image_slice * info_.height + place.top + row;
    return out_.subspan(sample_bytes(image_row * info_.width + place.left), n_bytes);
  }

  void decode_segment(const Place& place) try {
    if (layout_.is_missing(place.index)) {
      fill_missing(place);
    } else if (info_.tiled) {
      decode_tile(place);
    } else {
      decode_rows(place, image_at(place, 0, 0, sample_bytes(place.rows * info_.width)));
    }
  } catch (const FormatError& error) {
    throw FormatError(message(segment_name(page_, place.index), ": ", error.what()));
  }

  void decode_tile(const Place& place) {
    const std::size_t row_bytes = sample_bytes(layout_.segment_width);
    const std::size_t n_bytes = needed_rows(page_, place) * row_bytes;
    // What is stored as it is goes to the image without a stop; predictor 3 needs a tile's whole
    // rows.
    const bool as_stored = info_.compression == Compression::none && is_whole(info_.bits) &&
                           !layout_.reversed_bits && info_.predictor != 3;
    if (as_stored) {
      const auto stored = stored_bytes(place, n_bytes);
      check_written(stored.size(), n_bytes);
      copy_tile(place, stored);
      finish_tile(place);
    } else {
      const auto tile = scratch_.tile.borrow(n_bytes);
      decode_rows(place, tile);
      copy_tile(place, tile);
    }
  }

  // Copies the part of a tile's rows that lies in the image.
  void copy_tile(const Place& place, std::span<const std::byte> tile) {
    const std::size_t row_bytes = sample_bytes(layout_.segment_width);
    for (std::size_t slice = 0; slice < place.slices; ++slice) {
      for (std::size_t row = 0; row < place.rows; ++row) {
        const auto target = image_at(place, slice, row, sample_bytes(place.columns));
        const std::size_t tile_row = slice * layout_.segment_height + row;
        std::memcpy(target.data(), tile.data() + tile_row * row_bytes, target.size());
      }
    }
  }

  // Byte order and predictor of a tile that is in the image already.
  void finish_tile(const Place& place) {
    for (std::size_t slice = 0; slice < place.slices; ++slice) {
      for (std::size_t row = 0; row < place.rows; ++row) {
        finish_rows(image_at(place, slice, row, sample_bytes(place.columns)),
                    place.columns * layout_.samples_per_plane);
      }
    }
  }

  // `target`: the segment's needed rows, each of the segment's full width.
  void decode_rows(const Place& place, std::span<std::byte> target) {
    const std::size_t row_samples = layout_.segment_width * layout_.samples_per_plane;
    if (is_whole(info_.bits)) {
      decompress(place, target);
    } else {
      const std::size_t packed_row = (row_samples * info_.bits + 7) / 8;
      const std::size_t n_rows = needed_rows(page_, place);
      const auto packed = scratch_.packed.borrow(n_rows * packed_row);
      decompress(place, packed);
      const std::size_t row_bytes = row_samples * info_.bytes_per_sample;
      for (std::size_t row = 0; row < n_rows; ++row) {
        unpack_row(packed.subspan(row * packed_row, packed_row), row_samples, info_.bits,
                   target.subspan(row * row_bytes, row_bytes), info_.bytes_per_sample);
      }
    }
    finish_rows(target, row_samples);
  }

  void decompress(const Place& place, std::span<std::byte> target) {
    const auto in = stored_bytes(place, target.size());
    const std::size_t written = scratch_.codecs.decompress(info_.compression, in, target);
    check_written(written, target.size());
  }

  static void check_written(std::size_t found, std::size_t wanted) {
    if (found < wanted) {
      throw FormatError(message("found ", found, " bytes of pixels, wanted ", wanted));
    }
  }

  std::span<const std::byte> stored_bytes(const Place& place, std::size_t wanted) {
    // No codec needs more input than this for what is wanted; a count beyond it is not worth
    // reading.
    const std::uint64_t enough = 4 * std::uint64_t{wanted} + (std::uint64_t{1} << 20);
    const auto count = std::min(layout_.byte_counts[place.index], enough);
    const auto offset = layout_.offsets[place.index];
    if (!source_.at_hand(offset, count)) {
      source_.prefetch(offset, stretch_from(place.index, count));
    }
    const auto in = source_.view(offset, count, "pixels");
    if (!layout_.reversed_bits) {
      return in;
    }
    const auto reversed = scratch_.reversed.borrow(in.size());
    reverse_bits(in, reversed);
    return reversed;
  }

  // Byte order and predictor of rows that hold one sample per `bytes_per_sample`.
  void finish_rows(std::span<std::byte> rows, std::size_t row_samples) {
    const std::size_t row_bytes = row_samples * info_.bytes_per_sample;
    if (info_.predictor == 3) {
      const auto scratch = scratch_.row.borrow(row_bytes);
      for (std::size_t at = 0; at < rows.size(); at += row_bytes) {
        undo_floating_point(rows.subspan(at, row_bytes), layout_.samples_per_plane,
                            info_.bytes_per_sample, scratch);
      }
      return;
    }
    if (is_whole(info_.bits) && info_.big_endian != kNativeBigEndian) {
      swap_bytes(rows, info_.bytes_per_sample);
    }
    if (info_.predictor == 2) {
      for (std::size_t at = 0; at < rows.size(); at += row_bytes) {
        undo_horizontal(rows.subspan(at, row_bytes), layout_.samples_per_plane,
                        info_.bytes_per_sample);
      }
    }
  }

  void fill_missing(const Place& place) {
    for (std::size_t slice = 0; slice < place.slices; ++slice) {
      for (std::size_t row = 0; row < place.rows; ++row) {
        fill_samples(image_at(place, slice, row, sample_bytes(place.columns)), info_,
                     layout_.missing_value);
      }
    }
  }

  Source& source_;
  const PageInfo& info_;
  const Page& page_;
  const Layout& layout_;
  Scratch& scratch_;
  std::span<std::byte> out_;
};

void check_out_size(const PageInfo& info, std::size_t found) {
  if (found != info.byte_count()) {
    throw std::invalid_argument(
        message("out: found ", found, " bytes, wanted ", info.byte_count()));
  }
}

void check_grey16(const PageInfo& info, std::size_t height, std::size_t width) {
  if (info.depth != 1) {
    throw UnsupportedError(message("found a volume of ", info.depth, " planes, wanted one plane"));
  }
  if (info.samples != 1) {
    throw UnsupportedError(
        message("found ", info.samples, " samples a pixel, wanted one, a grey image"));
  }
  if (info.sample_format != SampleFormat::unsigned_integer || info.bits > 16) {
    throw UnsupportedError(message("found ", dtype_name(info),
                                   " pixels, wanted unsigned integers of at most 16 bits"));
  }
  if (info.height != height || info.width != width) {
    throw FormatError(
        message("found ", info.width, "x", info.height, " pixels, wanted ", width, "x", height));
  }
  if (info.missing != 0) {
    throw FormatError(message("found ", info.missing, info.tiled ? " tiles" : " strips",
                              " that were never written"));
  }
}

} // namespace

Decoder::Decoder() : scratch_(std::make_unique<Scratch>()) {}
Decoder::~Decoder() = default;
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;

void Decoder::decode_into(Source& source, const Page& page, std::span<std::byte> out) {
  check_out_size(page.info, out.size());
  PageDecode(source, page, *scratch_, out).run();
}

void Decoder::decode_into(std::span<const std::byte> file, std::size_t index, const Limits& limits,
                          std::span<std::byte> out) {
  Source source(file);
  decode_into(source, read_page(source, index, limits), out);
}

void Decoder::decode_grey16_into(std::span<const std::byte> file, std::size_t index,
                                 const Limits& limits, std::size_t height, std::size_t width,
                                 std::span<std::uint16_t> out) {
  Source source(file);
  const Page page = read_page(source, index, limits);
  check_grey16(page.info, height, width);
  if (page.info.bytes_per_sample == 2) {
    decode_into(source, page, std::as_writable_bytes(out));
    return;
  }
  const auto narrow = scratch_->narrow.borrow(out.size());
  decode_into(source, page, narrow);
  std::ranges::transform(narrow, out.begin(),
                         [](std::byte pixel) { return std::to_integer<std::uint16_t>(pixel); });
}

std::optional<std::uint64_t> Decoder::stored_grey16_at(std::span<const std::byte> file,
                                                       std::size_t index, const Limits& limits) {
  Source source(file);
  const Page page = read_page(source, index, limits);
  check_grey16(page.info, page.info.height, page.info.width);
  if (page.info.bits != 16) {
    return std::nullopt;
  }
  return PageDecode(source, page, *scratch_, {}).stored_at();
}

void decode_into(std::span<const std::byte> file, std::size_t page, const Limits& limits,
                 std::span<std::byte> out) {
  Decoder().decode_into(file, page, limits, out);
}

void decode_grey16_into(std::span<const std::byte> file, std::size_t page, const Limits& limits,
                        std::size_t height, std::size_t width, std::span<std::uint16_t> out) {
  Decoder().decode_grey16_into(file, page, limits, height, width, out);
}

} // namespace kinfast::tiff
