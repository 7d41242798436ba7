// Working memory that only grows and is never cleared: whoever borrows it writes before reading.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace kinfast::tiff {

class Buffer {
public:
  // `size` bytes of any content, valid until the next call.
  std::span<std::byte> borrow(std::size_t size) {
    if (size > capacity_) {
      bytes_.reset(); // before the new memory is asked for: the old content is not needed
      bytes_ = std::make_unique_for_overwrite<std::byte[]>(size);
      capacity_ = size;
    }
    return {bytes_.get(), size};
  }

private:
  std::unique_ptr<std::byte[]> bytes_;
  std::size_t capacity_ = 0;
};

} // namespace kinfast::tiff
