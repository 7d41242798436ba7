// libFuzzer's entry. Build with -DKINFAST_FUZZ=ON and Clang, run with a folder of TIFF files as the
// corpus.
#include "decode_target.hpp"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  kinfast::fuzz::decode_bytes(std::as_bytes(std::span(data, size)));
  return 0;
}
