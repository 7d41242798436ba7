// libFuzzer's entry. `make fuzz` builds and runs it.
#include "decode_target.hpp"

#include <cstdint>

namespace {

// Small, so that many inputs a second are tried.
constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 18;

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  kinfast::fuzz::decode_bytes(std::as_bytes(std::span(data, size)), kMaxBytes);
  return 0;
}
