#include "memory_file.hpp"

#include <cerrno>
#include <cstdio>
#include <sys/mman.h>
#include <sys/types.h>
#include <system_error>
#include <unistd.h>

namespace kinfast::fuzz {
namespace {

int open_anonymous() {
#ifdef __linux__
  return ::memfd_create("kinfast_fuzz", MFD_CLOEXEC);
#else
  return ::dup(::fileno(std::tmpfile()));
#endif
}

void check(bool worked) {
  if (!worked) {
    throw std::system_error(errno, std::generic_category(), "a file in memory");
  }
}

} // namespace

MemoryFile::MemoryFile() : descriptor_(open_anonymous()) {
  check(descriptor_ >= 0);
  path_ = "/dev/fd/" + std::to_string(descriptor_);
}

MemoryFile::~MemoryFile() { ::close(descriptor_); }

void MemoryFile::fill(std::span<const std::byte> bytes) {
  check(::ftruncate(descriptor_, static_cast<off_t>(bytes.size())) == 0);
  check(::pwrite(descriptor_, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
}

} // namespace kinfast::fuzz
