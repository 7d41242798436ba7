#include "decode_target.hpp"

#include "kinfast/errors.hpp"
#include "kinfast/tiff/decode.hpp"

#include <cstdint>
#include <stdexcept>
#include <vector>

namespace kinfast::fuzz {
namespace {

// Small enough that a fuzzer's run stays within its memory, large enough for every real file of a
// corpus.
constexpr std::uint64_t kMaxBytes = std::uint64_t{256} << 20;
constexpr std::size_t kMaxPages = 4;

tiff::Limits fuzz_limits() {
  tiff::Limits limits;
  limits.max_image_bytes = kMaxBytes;
  limits.max_segment_bytes = kMaxBytes;
  return limits;
}

Outcome decode_page(std::span<const std::byte> file, std::size_t page) try {
  const auto limits = fuzz_limits();
  const auto info = tiff::read_page_info(file, page, limits);
  std::vector<std::byte> pixels(info.byte_count());
  tiff::decode_into(file, page, limits, pixels);
  return Outcome::pixels;
} catch (const TiffError&) {
  return Outcome::error;
} catch (const std::out_of_range&) {
  return Outcome::error;
}

} // namespace

Outcome decode_bytes(std::span<const std::byte> file) {
  const Outcome first = decode_page(file, 0);
  for (std::size_t page = 1; page < kMaxPages; ++page) {
    decode_page(file, page);
  }
  return first;
}

} // namespace kinfast::fuzz
