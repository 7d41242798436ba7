// LZW without tricks: for the bit order of the first libtiff, and for streams so repetitive that
// the fast decoder's window cannot hold what stands between two clear codes.
//
// The table holds no bytes: a string is a stretch of what was already written, so an entry is a
// place and a length, and to decode a code is to copy forward within the output. A new entry is the
// previous string and the byte after it, which stand next to each other in the output: one store
// adds it.
//
//   width     bits of the next code, 9 to 12
//   next      the code that the next new string gets, 258 up
//   previous  the string of the code before; none right after a clear code
#include "kinfast/tiff/lzw.hpp"

#include "kinfast/errors.hpp"
#include "kinfast/tiff/message.hpp"
#include "words.hpp"

#include <algorithm>
#include <cstring>

namespace kinfast::tiff {
namespace {

using namespace lzw;

// Codes packed from the most significant bit down, as the specification has it.
class MsbBits {
public:
  explicit MsbBits(std::span<const std::byte> in) : in_(in) {}

  // Whether `width` more bits are there.
  bool ensure(unsigned width) {
    if (count_ < width) {
      refill();
    }
    return count_ >= width;
  }
  unsigned take(unsigned width) {
    const auto code = static_cast<unsigned>(bits_ >> (64 - width));
    bits_ <<= width;
    count_ -= width;
    return code;
  }

private:
  void refill() {
    if (in_.size() - position_ >= 8) {
      bits_ |= load_big_endian(in_.data() + position_) >> count_;
      position_ += (63 - count_) / 8;
      count_ |= 56;
      return;
    }
    while (count_ <= 56 && position_ < in_.size()) {
      bits_ |= std::to_integer<std::uint64_t>(in_[position_++]) << (56 - count_);
      count_ += 8;
    }
  }

  std::span<const std::byte> in_;
  std::size_t position_ = 0;
  std::uint64_t bits_ = 0; // the next bit is the highest; bits past count_ may be there already
  unsigned count_ = 0;
};

// Codes packed from the least significant bit up, as the first libtiff wrote them.
class LsbBits {
public:
  explicit LsbBits(std::span<const std::byte> in) : in_(in) {}

  bool ensure(unsigned width) {
    while (count_ < width && position_ < in_.size()) {
      bits_ |= std::to_integer<std::uint64_t>(in_[position_++]) << count_;
      count_ += 8;
    }
    return count_ >= width;
  }
  unsigned take(unsigned width) {
    const auto code = static_cast<unsigned>(bits_ & ((1U << width) - 1));
    bits_ >>= width;
    count_ -= width;
    return code;
  }

private:
  std::span<const std::byte> in_;
  std::size_t position_ = 0;
  std::uint64_t bits_ = 0;
  unsigned count_ = 0;
};

// Copies a string that begins at `from` to `to`, where it may go on into itself by its last byte.
void copy_text(std::span<std::byte> out, std::size_t from, std::size_t to, std::size_t length) {
  if (length <= 8 && out.size() - to >= 8) {
    const std::uint64_t word = load_8(out.data() + from);
    std::memcpy(out.data() + to, &word, 8); // what is too much is written over later
  } else {
    std::memcpy(out.data() + to, out.data() + from, std::min(length, to - from));
  }
  if (from + length > to) {
    out[to + length - 1] = out[from];
  }
}

} // namespace

template <bool kOldStyle>
std::size_t PlainLzwDecoder::decode_codes(std::span<const std::byte> in, std::span<std::byte> out) {
  // A string of `next` codes needs one bit more; TIFF's encoder widens one code early, the old one
  // did not.
  constexpr unsigned kEarly = kOldStyle ? 0 : 1;
  std::conditional_t<kOldStyle, LsbBits, MsbBits> bits(in);
  std::size_t written = 0;
  unsigned next = kFirstString;
  unsigned width = kMinWidth;
  Text previous = {0, 0}; // length 0: none

  while (written < out.size() && bits.ensure(width)) {
    const unsigned code = bits.take(width);
    if (code == kEnd) {
      break;
    }
    if (code == kClear) {
      next = kFirstString;
      width = kMinWidth;
      previous.length = 0;
      continue;
    }
    if (previous.length != 0 && next < kTableSize) {
      texts_[next] = {previous.start, previous.length + 1};
      ++next;
      width += static_cast<unsigned>(next + kEarly >= (1U << width) && width < kMaxWidth);
    }
    const auto start = static_cast<std::uint32_t>(written);
    if (code < kClear) {
      out[written++] = static_cast<std::byte>(code);
      previous = {start, 1};
      continue;
    }
    if (code >= next) {
      throw FormatError(
          message("found LZW code ", code, " after ", written, " bytes, wanted one below ", next));
    }
    const Text text = texts_[code];
    const std::size_t length = std::min<std::size_t>(text.length, out.size() - written);
    copy_text(out, text.start, written, length);
    written += length;
    previous = {start, text.length};
  }
  return written;
}

std::size_t PlainLzwDecoder::decode(std::span<const std::byte> in, std::span<std::byte> out) {
  return decode_codes<false>(in, out);
}

std::size_t PlainLzwDecoder::decode_old_style(std::span<const std::byte> in,
                                              std::span<std::byte> out) {
  return decode_codes<true>(in, out);
}

} // namespace kinfast::tiff
