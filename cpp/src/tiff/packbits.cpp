#include "kinfast/tiff/codec.hpp"

#include <algorithm>
#include <cstring>

namespace kinfast::tiff {

std::size_t decode_packbits(std::span<const std::byte> in, std::span<std::byte> out) {
  constexpr unsigned kNoOperation = 128;
  std::size_t read = 0;
  std::size_t written = 0;
  while (read < in.size() && written < out.size()) {
    const auto control = std::to_integer<unsigned>(in[read++]);
    if (control < kNoOperation) {
      const std::size_t n =
          std::min({std::size_t{control} + 1, in.size() - read, out.size() - written});
      std::memcpy(out.data() + written, in.data() + read, n);
      read += n;
      written += n;
    } else if (control > kNoOperation && read < in.size()) {
      const std::size_t n = std::min(std::size_t{257} - control, out.size() - written);
      std::memset(out.data() + written, std::to_integer<int>(in[read]), n);
      ++read;
      written += n;
    }
  }
  return written;
}

} // namespace kinfast::tiff
