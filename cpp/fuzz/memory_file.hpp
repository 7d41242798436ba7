// A file that lives in memory and has a path, so that the file-backed source can be fuzzed without
// a disk.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace kinfast::fuzz {

class MemoryFile {
public:
  MemoryFile();
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  const std::string& path() const { return path_; }
  // Makes `bytes` the file's whole content.
  void fill(std::span<const std::byte> bytes);

private:
  int descriptor_ = -1;
  std::string path_;
};

} // namespace kinfast::fuzz
