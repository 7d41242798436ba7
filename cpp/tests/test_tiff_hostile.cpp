// Files that lie or break off: a typed error that says where, before memory is asked for.
#include "tiff_builder.hpp"

#include "kinfast/errors.hpp"
#include "kinfast/tiff/decode.hpp"

#include <doctest/doctest.h>

using kinfast::FormatError;
using kinfast::LimitsError;
using kinfast::UnsupportedError;
using kinfast::test::Bytes;
using kinfast::test::TiffBuilder;
using kinfast::test::to_bytes;
namespace tiff = kinfast::tiff;

namespace {

TiffBuilder grey() { return TiffBuilder().image(4, 4, 8, {Bytes(16)}); }

void decode(const Bytes& file) {
  const auto info = tiff::read_page_info(file, 0, {});
  Bytes pixels(info.byte_count());
  tiff::decode_into(file, 0, {}, pixels);
}

} // namespace

TEST_CASE("what is no TIFF file says so") {
  CHECK_THROWS_WITH_AS(decode(Bytes{}), "not a TIFF file: found 0 bytes, wanted at least 8",
                       FormatError);
  CHECK_THROWS_AS(decode(to_bytes({0x89, 'P', 'N', 'G', 0, 0, 0, 0})), FormatError);
  CHECK_THROWS_AS(decode(to_bytes({'I', 'I', 41, 0, 8, 0, 0, 0})), FormatError);
  CHECK_THROWS_AS(decode(to_bytes({'I', 'I', 42, 0, 0, 0, 0, 0})), FormatError);
  CHECK_THROWS_AS(decode(to_bytes({'I', 'I', 43, 0, 4, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0})),
                  FormatError);
}

TEST_CASE("a file cut anywhere gives a typed error") {
  const auto file = grey().build();
  REQUIRE_NOTHROW(decode(file));
  // The last four bytes say where the next page is; without them this one is still whole.
  for (std::size_t size = 0; size + 4 < file.size(); ++size) {
    CAPTURE(size);
    // Of its own size, so that a sanitizer sees a read past the cut.
    CHECK_THROWS_AS(decode(Bytes(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size))),
                    FormatError);
  }
}

TEST_CASE("sizes that no memory holds are refused") {
  CHECK_THROWS_AS(decode(grey().set(256, 0xFFFFFFFF).set(257, 0xFFFFFFFF).build()), LimitsError);
  CHECK_THROWS_AS(decode(TiffBuilder(false, true)
                             .image(4, 4, 8, {Bytes(16)})
                             .set(256, std::uint64_t{1} << 40)
                             .build()),
                  LimitsError);
  CHECK_THROWS_AS(decode(grey().set(277, 65535).set(256, 65535).set(257, 900).build()),
                  LimitsError);
  CHECK_THROWS_AS(decode(grey().set(32997, 0xFFFFFFFF).set(257, 0xFFFF).build()), LimitsError);
  CHECK_THROWS_AS(decode(grey().tiles(0xFFFFFFFF, 0xFFFFFFFF, {Bytes(16)}).build()), LimitsError);
}

TEST_CASE("more pixels than the bytes can hold are refused before they are allocated") {
  CHECK_THROWS_WITH_AS(decode(grey().set(257, 30000).set(256, 30000).set(278, 30000).build()),
                       "strip 0 of 1: found 118 bytes at offset 8 (compression none), which cannot "
                       "hold 900000000 bytes of pixels",
                       FormatError);
  CHECK_THROWS_AS(
      decode(grey().set(259, 5).set(257, 30000).set(256, 30000).set(278, 30000).build()),
      FormatError);
}

TEST_CASE("pixels that were never written are bounded too") {
  CHECK_THROWS_AS(decode(grey().set(273, 0).build()), FormatError);
  // one tile is there, fifteen of 64 MiB are not
  std::vector<Bytes> tiles(16);
  tiles[0] = Bytes(16);
  const auto file = TiffBuilder()
                        .image(4, std::uint64_t{16} << 24, 8, {Bytes{}})
                        .tiles(4, std::uint64_t{1} << 24, tiles)
                        .set(259, 32773)
                        .build();
  CHECK_THROWS_AS(decode(file), kinfast::TiffError);
}

TEST_CASE("tags that contradict each other or point nowhere are named") {
  CHECK_THROWS_WITH_AS(decode(grey().remove(256).build()), "ImageWidth (tag 256) is missing",
                       FormatError);
  CHECK_THROWS_WITH_AS(decode(grey().set(257, 0).build()),
                       "ImageLength: found 0, wanted at least 1", FormatError);
  CHECK_THROWS_WITH_AS(decode(grey().set(278, 2).build()), "found 1 offsets of strips, wanted 2",
                       FormatError);
  CHECK_THROWS_WITH_AS(decode(grey().set(273, 100000).build()),
                       "strip 0 of 1: found offset 100000, past the end of the file (126 bytes)",
                       FormatError);
  CHECK_THROWS_AS(decode(grey().set(277, 0).build()), FormatError);
  CHECK_THROWS_AS(decode(grey().set(317, 3).build()), FormatError);
  CHECK_THROWS_AS(decode(grey().tiles(0, 16, {Bytes(16)}).build()), FormatError);
}

TEST_CASE("what is legal and not decoded is named") {
  CHECK_THROWS_WITH_AS(
      decode(grey().set(259, 7).build()),
      "compression JPEG (7) is not decoded; wanted none, PackBits, LZW, Deflate or Zstd",
      UnsupportedError);
  CHECK_THROWS_AS(decode(grey().set(339, 6).build()), UnsupportedError);
  CHECK_THROWS_AS(decode(grey().set(258, 128).build()), UnsupportedError);
  CHECK_THROWS_AS(decode(grey().set(258, 24).set(339, 3).build()), UnsupportedError);
  CHECK_THROWS_AS(decode(grey().set(317, 4).build()), UnsupportedError);
  CHECK_THROWS_AS(decode(grey().set(277, 3).set(258, {5, 6, 5}).build()), UnsupportedError);
  CHECK_THROWS_WITH_AS(decode(grey().set(262, 6).set(277, 3).set(530, {2, 2}).build()),
                       "YCbCr with subsampled chroma (2x2) is not decoded; wanted 1x1",
                       UnsupportedError);
}

TEST_CASE("an output of another size is refused") {
  Bytes small(15);
  CHECK_THROWS_AS(tiff::decode_into(grey().build(), 0, {}, small), std::invalid_argument);
}
