#include "kinfast/tiff/source.hpp"

#include "kinfast/errors.hpp"
#include "kinfast/tiff/decode.hpp"
#include "kinfast/tiff/message.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace kinfast::tiff {

// A file descriptor, closed at the end.
class OpenFile {
public:
  explicit OpenFile(const std::string& path) : path_(path) {
    do {
      descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    } while (descriptor_ < 0 && errno == EINTR);
    if (descriptor_ < 0) {
      fail(errno);
    }
  }
  ~OpenFile() { ::close(descriptor_); }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  std::uint64_t size() const {
    struct stat status = {};
    if (::fstat(descriptor_, &status) != 0) {
      fail(errno);
    }
    if (!S_ISREG(status.st_mode)) {
      throw IoError(message(path_, ": found a folder or a device, wanted a file"));
    }
    return static_cast<std::uint64_t>(status.st_size);
  }

  // Reads until `out` is full or the file ends; returns how many bytes came.
  std::size_t read(std::uint64_t offset, std::span<std::byte> out) const {
    std::size_t done = 0;
    while (done < out.size()) {
      const auto n = ::pread(descriptor_, out.data() + done, out.size() - done,
                             static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) {
        continue;
      }
      if (n < 0) {
        fail(errno);
      }
      if (n == 0) {
        break;
      }
      done += static_cast<std::size_t>(n);
    }
    return done;
  }

  // As read; a file that became shorter since its size was taken is an error.
  void read_fully(std::uint64_t offset, std::span<std::byte> out) const {
    const auto done = read(offset, out);
    if (done != out.size()) {
      throw IoError(message(path_, ": ended at byte ", offset + done, " while it was being read"));
    }
  }

private:
  [[noreturn]] void fail(int code) const {
    throw IoError(message(path_, ": ", std::generic_category().message(code)));
  }

  std::string path_;
  int descriptor_ = -1;
};

Source::Source() = default;
Source::Source(std::span<const std::byte> bytes) { borrow(bytes); }
Source::~Source() = default;

void Source::borrow(std::span<const std::byte> bytes) {
  file_.reset();
  size_ = bytes.size();
  window_ = bytes;
  window_offset_ = 0;
}

void Source::open(const std::string& path, std::uint64_t window_bytes) {
  window_ = {};
  window_offset_ = 0;
  window_bytes_ = window_bytes;
  size_ = 0;
  file_ = std::make_unique<OpenFile>(path);
  size_ = file_->size();
}

void Source::check(std::uint64_t offset, std::uint64_t count, const char* what) const {
  // No sum is formed that could wrap.
  if (offset > size_ || count > size_ - offset) {
    throw FormatError(message(what, ": found ", count, " bytes at offset ", offset,
                              ", past the end of the file (", size_, " bytes)"));
  }
}

void Source::load(std::uint64_t offset, std::uint64_t count) {
  window_ = {};
  const auto room = buffer_.borrow(static_cast<std::size_t>(count));
  file_->read_fully(offset, room);
  window_ = room;
  window_offset_ = offset;
}

bool Source::at_hand(std::uint64_t offset, std::uint64_t count) const {
  return offset >= window_offset_ && offset - window_offset_ <= window_.size() &&
         count <= window_.size() - (offset - window_offset_);
}

std::span<const std::byte> Source::view(std::uint64_t offset, std::uint64_t count,
                                        const char* what) {
  check(offset, count, what);
  if (!at_hand(offset, count)) {
    load(offset, std::min(std::max(count, window_bytes_), size_ - offset));
  }
  return window_.subspan(static_cast<std::size_t>(offset - window_offset_),
                         static_cast<std::size_t>(count));
}

void Source::copy(std::uint64_t offset, std::span<std::byte> out, const char* what) {
  check(offset, out.size(), what);
  if (file_ != nullptr) {
    file_->read_fully(offset, out);
  } else if (!out.empty()) {
    std::memcpy(out.data(), window_.data() + offset, out.size());
  }
}

void Source::prefetch(std::uint64_t offset, std::uint64_t count) {
  if (file_ != nullptr && offset < size_) {
    view(offset, std::min(count, size_ - offset), "pixels");
  }
}

void read_file_into(const std::string& path, std::vector<std::byte>& buffer) {
  const OpenFile file(path);
  buffer.resize(static_cast<std::size_t>(file.size()));
  buffer.resize(file.read(0, buffer));
}

std::vector<std::byte> read_file(const std::string& path) {
  std::vector<std::byte> bytes;
  read_file_into(path, bytes);
  return bytes;
}

} // namespace kinfast::tiff
