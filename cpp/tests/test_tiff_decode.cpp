// Pages that are right: layouts, byte orders, depths.
#include "tiff_builder.hpp"

#include "kinfast/errors.hpp"
#include "kinfast/parallel/parallel_for.hpp"
#include "kinfast/tiff/decode.hpp"
#include "kinfast/tiff/page.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

using kinfast::test::Bytes;
using kinfast::test::TiffBuilder;
using kinfast::test::to_bytes;
namespace tiff = kinfast::tiff;

namespace {

template <typename Sample> std::vector<Sample> decode(const Bytes& file, std::size_t page = 0) {
  const auto info = tiff::read_page_info(file, page, {});
  REQUIRE(info.bytes_per_sample == sizeof(Sample));
  std::vector<Sample> pixels(info.byte_count() / sizeof(Sample));
  tiff::decode_into(file, page, {}, std::as_writable_bytes(std::span(pixels)));
  return pixels;
}

// 2 x 3 pixels of 16 bits, 1 to 6, as the byte order wants them.
Bytes six_pixels(bool big_endian) {
  return big_endian ? to_bytes({0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6})
                    : to_bytes({1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0});
}

const std::vector<std::uint16_t> kSix = {1, 2, 3, 4, 5, 6};

} // namespace

TEST_CASE("classic and BigTIFF in both byte orders give native pixels") {
  for (const bool big_endian : {false, true}) {
    for (const bool big_tiff : {false, true}) {
      CAPTURE(big_endian);
      CAPTURE(big_tiff);
      const auto file =
          TiffBuilder(big_endian, big_tiff).image(3, 2, 16, {six_pixels(big_endian)}).build();
      const auto info = tiff::read_page_info(file, 0, {});
      CHECK(info.height == 2);
      CHECK(info.width == 3);
      CHECK(info.big_endian == big_endian);
      CHECK(info.big_tiff == big_tiff);
      CHECK(info.pages == 1);
      CHECK(tiff::dtype_name(info) == "uint16");
      CHECK(decode<std::uint16_t>(file) == kSix);
    }
  }
}

TEST_CASE("strips apart from each other are put together") {
  const auto first = to_bytes({1, 0, 2, 0, 3, 0, 99});
  const auto second = to_bytes({4, 0, 5, 0, 6, 0});
  const auto file = TiffBuilder().image(3, 2, 16, {first, second}).build();
  CHECK(decode<std::uint16_t>(file) == kSix);
}

TEST_CASE("tiles that overhang the image are cut") {
  // 3 x 3 pixels in tiles of 2 x 2; 9 fills what lies outside
  const auto file = TiffBuilder()
                        .image(3, 3, 8, {Bytes{}})
                        .tiles(2, 2,
                               {to_bytes({1, 2, 4, 5}), to_bytes({3, 9, 6, 9}),
                                to_bytes({7, 8, 9, 9}), to_bytes({9, 9, 9, 9})})
                        .build();
  CHECK(decode<std::uint8_t>(file) == std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6, 7, 8, 9});
}

TEST_CASE("planar samples come plane after plane, chunky ones side by side") {
  auto builder = TiffBuilder().image(2, 1, 8, {to_bytes({1, 2}), to_bytes({3, 4})});
  builder.set(277, 2).set(278, 1).set(284, 2);
  auto info = tiff::read_page_info(builder.build(), 0, {});
  CHECK(info.planar);
  CHECK(decode<std::uint8_t>(builder.build()) == std::vector<std::uint8_t>{1, 2, 3, 4});
  builder.image(2, 1, 8, {to_bytes({1, 3, 2, 4})}).set(284, 1);
  info = tiff::read_page_info(builder.build(), 0, {});
  CHECK_FALSE(info.planar);
  CHECK(info.samples == 2);
  CHECK(decode<std::uint8_t>(builder.build()) == std::vector<std::uint8_t>{1, 3, 2, 4});
}

TEST_CASE("samples of odd widths are unpacked, each row from a new byte") {
  // 12 bits: 0xABC, 0x123, 0x456 and a filled-up half byte
  const auto row = to_bytes({0xAB, 0xC1, 0x23, 0x45, 0x60});
  const auto file = TiffBuilder().image(3, 1, 12, {row}).build();
  CHECK(decode<std::uint16_t>(file) == std::vector<std::uint16_t>{0xABC, 0x123, 0x456});
  const auto bits = TiffBuilder().image(3, 2, 1, {to_bytes({0b10100000, 0b01000000})}).build();
  CHECK(decode<std::uint8_t>(bits) == std::vector<std::uint8_t>{1, 0, 1, 0, 1, 0});
  const auto reversed =
      TiffBuilder().image(3, 2, 1, {to_bytes({0b00000101, 0b00000010})}).set(266, 2).build();
  CHECK(decode<std::uint8_t>(reversed) == std::vector<std::uint8_t>{1, 0, 1, 0, 1, 0});
  const auto wide =
      TiffBuilder()
          .image(2, 1, 60, {to_bytes({1, 2, 3, 4, 5, 6, 7, 0x89, 1, 2, 3, 4, 5, 6, 7})})
          .build();
  CHECK(decode<std::uint64_t>(wide) ==
        std::vector<std::uint64_t>{0x010203040506078, 0x901020304050607});
}

TEST_CASE("predictor 2 is undone modulo the sample's size, per sample") {
  const auto grey =
      TiffBuilder().image(3, 1, 16, {to_bytes({10, 0, 0xFF, 0xFF, 2, 0})}).set(317, 2);
  CHECK(decode<std::uint16_t>(grey.build()) == std::vector<std::uint16_t>{10, 9, 11});
  auto colour = TiffBuilder().image(2, 1, 8, {to_bytes({1, 2, 3, 1, 1, 255})}).set(317, 2);
  colour.set(262, 2).set(277, 3);
  CHECK(decode<std::uint8_t>(colour.build()) == std::vector<std::uint8_t>{1, 2, 3, 2, 3, 2});
}

TEST_CASE("predictor 3 puts the bytes of floats together") {
  // 1.0f is 3F 80 00 00: the highest bytes first, each byte less the one before
  const auto stored = to_bytes({0x3F, 0x00, 0x41, 0x00, 0x80, 0x00, 0x00, 0x00});
  for (const bool big_endian : {false, true}) {
    auto builder = TiffBuilder(big_endian).image(2, 1, 32, {stored}).set(339, 3).set(317, 3);
    CHECK(decode<float>(builder.build()) == std::vector<float>{1.0F, 1.0F});
  }
}

TEST_CASE("a volume comes slice after slice") {
  const auto file = TiffBuilder()
                        .image(2, 1, 8, {to_bytes({1, 2}), to_bytes({3, 4})})
                        .set(278, 1)
                        .set(32997, 2)
                        .build();
  CHECK(tiff::read_page_info(file, 0, {}).depth == 2);
  CHECK(decode<std::uint8_t>(file) == std::vector<std::uint8_t>{1, 2, 3, 4});
}

TEST_CASE(
    "the site pass takes grey images of up to 16 bits, widens 8, and says what else it found") {
  const tiff::Limits limits;
  std::vector<std::uint16_t> out(6);
  const auto wide = TiffBuilder().image(3, 2, 16, {six_pixels(false)}).build();
  tiff::decode_grey16_into(wide, 0, limits, 2, 3, out);
  CHECK(out == kSix);
  const auto narrow = TiffBuilder().image(3, 2, 8, {to_bytes({1, 2, 3, 4, 5, 255})}).build();
  tiff::decode_grey16_into(narrow, 0, limits, 2, 3, out);
  CHECK(out == std::vector<std::uint16_t>{1, 2, 3, 4, 5, 255});
  CHECK_THROWS_WITH_AS(tiff::decode_grey16_into(wide, 0, limits, 3, 2, out),
                       "found 3x2 pixels, wanted 2x3", kinfast::FormatError);
  auto colour = TiffBuilder().image(1, 1, 8, {to_bytes({1, 2, 3})});
  colour.set(277, 3);
  CHECK_THROWS_WITH_AS(tiff::decode_grey16_into(colour.build(), 0, limits, 1, 1, out),
                       "found 3 samples a pixel, wanted one, a grey image",
                       kinfast::UnsupportedError);
  const auto holes = TiffBuilder().image(3, 2, 8, {to_bytes({1, 2, 3}), Bytes{}}).build();
  CHECK(decode<std::uint8_t>(holes) == std::vector<std::uint8_t>{1, 2, 3, 0, 0, 0});
  CHECK_THROWS_AS(tiff::decode_grey16_into(holes, 0, limits, 2, 3, out), kinfast::FormatError);
}

TEST_CASE("a page past the end is out of range, a loop in the chain is found") {
  const auto builder = TiffBuilder().image(3, 2, 16, {six_pixels(false)});
  CHECK_THROWS_AS(decode<std::uint16_t>(builder.build(), 1), std::out_of_range);
  const auto loop = builder.build(builder.ifd_offset());
  CHECK(decode<std::uint16_t>(loop) == kSix);
  CHECK(tiff::read_page_info(loop, 0, {}).pages == 1);
  CHECK_THROWS_AS(decode<std::uint16_t>(loop, 1), kinfast::FormatError);
}

TEST_CASE("a file on disk is read like its bytes, and a missing one is named") {
  const auto path = std::filesystem::temp_directory_path() / "kinfast_test_tiff_decode.tif";
  for (const std::size_t gap : {0U, 300000U}) { // within the reader's window, and far apart
    auto second = Bytes(gap, std::byte{9});
    const auto rows = to_bytes({4, 0, 5, 0, 6, 0});
    second.insert(second.begin(), rows.begin(), rows.end());
    const auto file = TiffBuilder().image(3, 2, 16, {to_bytes({1, 0, 2, 0, 3, 0}), second}).build();
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(file.data()),
               static_cast<std::streamsize>(file.size()));
    CHECK(tiff::read_file(path.string()) == file);
    tiff::Source source;
    source.open(path.string());
    CHECK(tiff::read_page_info(source, 0, {}).width == 3);
    std::vector<std::uint16_t> pixels(6);
    tiff::Decoder().decode_into(source, tiff::read_page(source, 0, {}),
                                std::as_writable_bytes(std::span(pixels)));
    CHECK(pixels == kSix);
  }
  std::filesystem::remove(path);
  CHECK_THROWS_WITH_AS(tiff::read_file(path.string()),
                       (path.string() + ": No such file or directory").c_str(), kinfast::IoError);
}

TEST_CASE("any number of threads decode the same files at once") {
  const auto packed = to_bytes({0xFE, 0xAA, 0x02, 0x80, 0x00, 0x2A, 0xFD, 0xAA, 0x03, 0x80});
  const auto deflate = to_bytes(
      {0x78, 0x9C, 0x4B, 0x4C, 0x4A, 0x4E, 0x49, 0x44, 0xC2, 0x00, 0x34, 0x50, 0x06, 0x29});
  const std::vector<Bytes> files = {
      TiffBuilder().image(4, 4, 8, {Bytes(16, std::byte{7})}).build(),
      TiffBuilder().image(2, 3, 8, {packed}).set(259, 32773).build(),
      TiffBuilder().image(4, 4, 8, {deflate}).set(259, 8).build(),
  };
  std::vector<Bytes> wanted;
  for (const auto& file : files) {
    wanted.emplace_back(tiff::read_page_info(file, 0, {}).byte_count());
    tiff::decode_into(file, 0, {}, wanted.back());
  }
  for (const int threads : {2, 8}) {
    std::vector<tiff::Decoder> decoders(static_cast<std::size_t>(threads));
    kinfast::parallel_for(600, threads, [&](std::size_t index, std::size_t worker) {
      const auto& file = files[index % files.size()];
      Bytes pixels(tiff::read_page_info(file, 0, {}).byte_count());
      decoders[worker].decode_into(file, 0, {}, pixels);
      if (pixels != wanted[index % files.size()]) {
        throw std::runtime_error("other pixels");
      }
    });
  }
}
