// TIFF's LZW, fast.
//
// What is decoded between two clear codes (a stretch) goes into a window that stays in cache, and
// from there to the output in one copy. In front of the window stand the 256 strings of one byte,
// so that a literal and a string are the same thing: copy eight bytes from the string's place, and
// go on by its length. Nothing asks which of the two it was.
//
// A code is 9 to 12 bits wide, and the width changes only three times in a stretch: when the table
// has 511, 1023 and 2047 strings. So the inner loop has the width as a constant, knows beforehand
// how many codes it may take, and one load of 64 bits serves 4 to 6 of them; where the next code
// begins does not wait for the table.
//
// All that is rare leaves the inner loop: its lookup finds an entry of an impossible length for the
// clear and end codes and for strings that are not yet in the table. One code is then done
// carefully, and the loop is entered again. The same happens near the ends of the buffers.
//
//   strings_  of each code: place in the window << 12 | length
//   bit       where the next code begins in the input
//   written   end of what is decoded in the window
//   next      the code that the next new string gets, 258 up
//   previous  the string of the code before, as in strings_; 0: none, right after a clear code
#include "kinfast/tiff/lzw.hpp"

#include "kinfast/errors.hpp"
#include "kinfast/tiff/message.hpp"
#include "words.hpp"

#include <algorithm>
#include <cstring>

namespace kinfast::tiff {
namespace {

using namespace lzw;

constexpr unsigned kLengthBits = 12;
constexpr std::uint32_t kLengthMask = (1U << kLengthBits) - 1;
// A string grows by one byte a code, from 2 at code 258: none is longer than 3839 bytes, and 4095
// says "no string".
constexpr std::uint32_t kNoString = kLengthMask;
constexpr std::size_t kShort = 8;       // bytes of the copy that is always made
constexpr std::size_t kTextStart = 256; // in the window, behind the single bytes
constexpr std::size_t kWindow = std::size_t{1} << (32 - kLengthBits);
constexpr std::size_t kMargin =
    6 * kShort + 2 * kShort; // of one batch, and for copies of more than their length

void copy_8(std::byte* to, const std::byte* from) {
  const std::uint64_t word = load_8(from);
  std::memcpy(to, &word, 8);
}

// Copies a string that ends before `to` begins; up to seven bytes too much.
void copy_long(std::byte* to, const std::byte* from, std::size_t length) {
  for (std::size_t i = 0; i < length; i += 8) {
    copy_8(to + i, from + i);
  }
}

// Old streams begin with a clear code in the other bit order: a zero byte, then an odd one.
bool is_old_style(std::span<const std::byte> in) {
  return in.size() >= 2 && in[0] == std::byte{0} && (in[1] & std::byte{1}) != std::byte{0};
}

} // namespace

struct LzwDecoder::State {
  std::span<const std::byte> in;
  std::byte* window = nullptr;
  std::size_t bit = 0;
  std::size_t written = kTextStart;
  std::uint32_t previous = 0;
  unsigned next = kFirstString;
  unsigned width = kMinWidth;

  // TIFF widens one code early: the code after the one that fills the table but for one place.
  void widen() { width += static_cast<unsigned>(next + 1 >= (1U << width) && width < kMaxWidth); }
};

LzwDecoder::LzwDecoder() {
  strings_.fill(kNoString);
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    strings_[byte] = byte << kLengthBits | 1;
  }
}

// Takes whole batches of codes while the width stays, both buffers have room, and nothing rare
// turns up.
template <unsigned kWidth> void LzwDecoder::run(State& state) {
  constexpr unsigned kBatch =
      (64 - 7) / kWidth; // the load begins up to 7 bits before the first code
  constexpr unsigned kLast = kWidth == kMaxWidth ? kTableSize : (1U << kWidth) - 1;
  std::uint32_t* const strings = strings_.data();
  std::byte* const window = state.window;
  const std::byte* const in = state.in.data();
  std::size_t bit = state.bit;
  std::size_t written = state.written;
  std::uint32_t previous = state.previous;
  unsigned next = state.next;

  while (next + kBatch <= kLast && bit / 8 + 8 <= state.in.size() && written + kMargin <= kWindow) {
    std::uint64_t codes = load_big_endian(in + bit / 8) << (bit % 8);
    unsigned taken = 0;
    for (; taken < kBatch; ++taken) {
      const std::uint32_t string = strings[codes >> (64 - kWidth)];
      const std::uint32_t length = string & kLengthMask;
      const std::byte* const from = window + (string >> kLengthBits);
      if (length > kShort) [[unlikely]] {
        if (string == kNoString || written + length + kMargin > kWindow) {
          break;
        }
        copy_long(window + written, from, length);
      } else {
        copy_8(window + written, from);
      }
      strings[next++] = previous + 1; // the previous string and the byte after it
      previous = static_cast<std::uint32_t>(written) << kLengthBits | length;
      written += length;
      codes <<= kWidth;
    }
    bit += taken * kWidth;
    if (taken < kBatch) {
      break;
    }
  }
  state.bit = bit;
  state.written = written;
  state.previous = previous;
  state.next = next;
}

void LzwDecoder::run_any(State& state) {
  switch (state.width) {
  case 9:
    return run<9>(state);
  case 10:
    return run<10>(state);
  case 11:
    return run<11>(state);
  default:
    return run<12>(state);
  }
}

// Takes one code, whatever it is.
LzwDecoder::Step LzwDecoder::step(State& state) {
  if (8 * state.in.size() - state.bit < state.width) {
    return Step::ended;
  }
  std::uint32_t three_bytes = 0; // a code reaches over three bytes at most
  for (std::size_t i = 0; i < 3; ++i) {
    const std::size_t at = state.bit / 8 + i;
    three_bytes = three_bytes << 8 |
                  (at < state.in.size() ? std::to_integer<std::uint32_t>(state.in[at]) : 0);
  }
  const unsigned shift = 24 - static_cast<unsigned>(state.bit % 8) - state.width;
  const unsigned code = (three_bytes >> shift) & ((1U << state.width) - 1);
  if (code == kClear || code == kEnd) {
    state.bit += state.width;
    return code == kClear ? Step::cleared : Step::ended;
  }
  std::uint32_t string = strings_[code];
  if (string == kNoString) {
    if (state.previous == 0 || code != state.next) {
      throw FormatError(message("found LZW code ", code, " after ", state.written - kTextStart,
                                " bytes of a stretch, wanted one below ", state.next));
    }
    string =
        state.previous + 1; // the string that this very code adds: it ends with its own first byte
  }
  const std::size_t length = string & kLengthMask;
  if (state.written + length + kMargin > kWindow) {
    return Step::overflowed;
  }
  const std::byte* const from = state.window + (string >> kLengthBits);
  std::byte* const to = state.window + state.written;
  copy_long(to, from, length);
  to[length - 1] = from + length > to ? *from : to[length - 1];
  if (state.previous != 0 && state.next < kTableSize) {
    strings_[state.next++] = state.previous + 1;
  }
  state.previous = static_cast<std::uint32_t>(state.written << kLengthBits | length);
  state.written += length;
  state.bit += state.width;
  state.widen();
  return Step::decoded;
}

void LzwDecoder::clear(State& state) {
  std::fill(strings_.begin() + kFirstString, strings_.begin() + state.next, kNoString);
  state.written = kTextStart;
  state.previous = 0;
  state.next = kFirstString;
  state.width = kMinWidth;
}

std::size_t LzwDecoder::decode(std::span<const std::byte> in, std::span<std::byte> out) {
  if (is_old_style(in)) {
    return plain_.decode_old_style(in, out);
  }
  State state;
  state.in = in;
  state.window = window_.borrow(kWindow).data();
  for (unsigned byte = 0; byte < kTextStart; ++byte) {
    state.window[byte] = static_cast<std::byte>(byte);
  }
  state.next = kTableSize; // an error may have left strings of the stream before
  clear(state);

  std::size_t done = 0; // bytes of `out`
  for (Step last = Step::decoded; last != Step::ended;) {
    if (state.previous != 0) {
      run_any(state);
      state.widen();
    }
    const bool full = state.written - kTextStart >= out.size() - done;
    last = full ? Step::ended : step(state);
    if (last == Step::overflowed) {
      return plain_.decode(in, out);
    }
    if (last != Step::decoded) {
      const std::size_t n = std::min(state.written - kTextStart, out.size() - done);
      std::copy_n(state.window + kTextStart, n, out.begin() + static_cast<std::ptrdiff_t>(done));
      done += n;
      clear(state);
    }
  }
  return done;
}

} // namespace kinfast::tiff
