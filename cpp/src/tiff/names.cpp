// What people call the things that a file numbers.
#include "kinfast/tiff/page.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace kinfast::tiff {

std::string compression_name(std::uint64_t code) {
  constexpr std::array<std::pair<std::uint64_t, const char*>, 24> kNames = {{
      {2, "CCITT run length"},
      {3, "CCITT Group 3 fax"},
      {4, "CCITT Group 4 fax"},
      {6, "old-style JPEG"},
      {7, "JPEG"},
      {9, "JBIG"},
      {10, "JBIG"},
      {22610, "JPEG XR"},
      {32766, "NeXT"},
      {32771, "CCITT run length, word-aligned"},
      {32809, "ThunderScan"},
      {33003, "JPEG 2000"},
      {33004, "JPEG 2000"},
      {33005, "JPEG 2000"},
      {34676, "SGI LogLuv"},
      {34677, "SGI LogLuv 24"},
      {34712, "JPEG 2000"},
      {34887, "LERC"},
      {34892, "lossy JPEG"},
      {34925, "LZMA"},
      {34933, "PNG"},
      {34934, "JPEG XR"},
      {50001, "WebP"},
      {50002, "JPEG XL"},
  }};
  const auto* found = std::ranges::find(kNames, code, [](const auto& name) { return name.first; });
  return found == kNames.end() ? message("scheme ", code) : message(found->second, " (", code, ")");
}

std::string name_of(Compression compression) {
  constexpr std::array<const char*, 5> kNames = {"none", "packbits", "lzw", "deflate", "zstd"};
  return kNames[static_cast<std::size_t>(compression)];
}

std::string photometric_name(unsigned photometric) {
  constexpr std::array<const char*, 10> kNames = {"miniswhite", "minisblack", "rgb",   "palette",
                                                  "mask",       "separated",  "ycbcr", "",
                                                  "cielab",     "icclab"};
  return photometric < kNames.size() && photometric != 7 ? kNames[photometric]
                                                         : message("photometric ", photometric);
}

std::string dtype_name(const PageInfo& info) {
  constexpr std::array<const char*, 3> kKinds = {"uint", "int", "float"};
  return message(kKinds[static_cast<std::size_t>(info.sample_format)], 8 * info.bytes_per_sample);
}

} // namespace kinfast::tiff
