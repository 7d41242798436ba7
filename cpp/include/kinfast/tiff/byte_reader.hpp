// The one way to the bytes of a file: every read is checked against its end.
#pragma once

#include "kinfast/tiff/source.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace kinfast::tiff {

// Integers of a borrowed source in the file's byte order. A read past the end throws FormatError
// that names what was being read.
class ByteReader {
public:
  ByteReader(Source& source, bool big_endian) : source_(&source), big_endian_(big_endian) {}

  std::uint64_t size() const { return source_->size(); }
  bool big_endian() const { return big_endian_; }

  // `count` bytes from `offset`, valid until the next read.
  std::span<const std::byte> slice(std::uint64_t offset, std::uint64_t count,
                                   const char* what) const {
    return source_->view(offset, count, what);
  }

  // An unsigned integer of `n_bytes` (1 to 8).
  std::uint64_t read_uint(std::uint64_t offset, unsigned n_bytes, const char* what) const {
    const auto bytes = slice(offset, n_bytes, what);
    std::uint64_t value = 0;
    for (unsigned i = 0; i < n_bytes; ++i) {
      const unsigned shift = 8 * (big_endian_ ? n_bytes - 1 - i : i);
      value |= std::to_integer<std::uint64_t>(bytes[i]) << shift;
    }
    return value;
  }

private:
  Source* source_;
  bool big_endian_;
};

} // namespace kinfast::tiff
