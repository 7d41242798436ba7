// The bytes of a file, in memory or on disk. Of a file on disk only what is asked for is read, so
// that one page of a stack of gigabytes costs one page.
#pragma once

#include "kinfast/tiff/buffer.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace kinfast::tiff {

class OpenFile;

class Source {
public:
  // Holds header, directory and description of most microscopes' files, and is one request on a
  // network share.
  static constexpr std::uint64_t kWindowBytes = 64 * 1024;

  Source();
  explicit Source(std::span<const std::byte> bytes); // borrowed
  ~Source();
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  // Borrows `bytes` in place of what was there.
  void borrow(std::span<const std::byte> bytes);

  // Opens the file at `path` in place of what was there; the working memory stays. No request is
  // for less than `window_bytes`, up to the file's end. Throws IoError that names the path.
  void open(const std::string& path, std::uint64_t window_bytes = kWindowBytes);

  std::uint64_t size() const { return size_; }

  // `count` bytes from `offset`, valid until the next call. Throws FormatError that names `what`
  // past the end.
  std::span<const std::byte> view(std::uint64_t offset, std::uint64_t count, const char* what);

  // Copies the bytes from `offset` into `out`, straight from disk where the source is a file.
  void copy(std::uint64_t offset, std::span<std::byte> out, const char* what);

  // Whether a view costs no read.
  bool at_hand(std::uint64_t offset, std::uint64_t count) const;

  // Reads a stretch in one go, so that the views within it cost nothing. A hint: nothing is thrown
  // for the file's end.
  void prefetch(std::uint64_t offset, std::uint64_t count);

private:
  void check(std::uint64_t offset, std::uint64_t count, const char* what) const;
  void load(std::uint64_t offset, std::uint64_t count);

  std::uint64_t size_ = 0;
  std::span<const std::byte> window_; // what is at hand: the whole of it for borrowed bytes
  std::uint64_t window_offset_ = 0;
  std::uint64_t window_bytes_ = kWindowBytes;
  Buffer buffer_;
  std::unique_ptr<OpenFile> file_; // null for borrowed bytes
};

} // namespace kinfast::tiff
