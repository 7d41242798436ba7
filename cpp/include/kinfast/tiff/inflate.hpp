// Undoes Deflate in its zlib wrapping (RFC 1950, RFC 1951).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace kinfast::tiff {

namespace inflate {
inline constexpr unsigned kLiteralBits = 11; // of the first lookup: a literal and a length
inline constexpr unsigned kDistanceBits = 8;
inline constexpr unsigned kLongest = 15; // bits of a code word
inline constexpr std::size_t kLiterals = 288;
inline constexpr std::size_t kDistances = 32;
// A code word longer than the first lookup shares its first bits with at least one other, so there
// are at most half as many second tables as symbols.
inline constexpr std::size_t kLiteralTable =
    (1U << kLiteralBits) + kLiterals / 2 * (1U << (kLongest - kLiteralBits));
inline constexpr std::size_t kDistanceTable =
    (1U << kDistanceBits) + kDistances / 2 * (1U << (kLongest - kDistanceBits));

// How a block's bits are read; see inflate_entry.hpp for what an entry holds.
//
// The steps are what the decoder waits for, so they stand by themselves, in tables small enough to
// stay in the first-level cache beside the 32 KiB that matches are copied from: how many bits an
// entry takes, and above that how many bits the lookup after it has (0: there is none).
struct Tables {
  std::array<std::uint16_t, 1U << kLiteralBits> literal_steps;
  std::array<std::uint16_t, 1U << kDistanceBits> distance_steps;
  std::array<std::uint32_t, kDistanceTable> distances;
  std::array<std::uint32_t, kLiteralTable> literals;
  std::array<std::uint32_t, kLiteralTable> single; // before literals were joined to what follows
  std::size_t n_literals = 0;                      // entries in use, second tables included
  double literal_share = 0.0;                      // of the lookups, those that give no match
};

// Where a decoder is in its input and output. The next bit is the lowest of `bits`; bits beyond
// `count` are either zero or what will be read there again.
struct Stream {
  const std::byte* next;
  const std::byte* end;
  std::byte* out;
  std::byte* out_begin;
  std::byte* out_end;
  std::uint64_t bits = 0;
  unsigned count = 0;
  unsigned past_end = 0; // bytes of zeros that were read behind the input
};

// Fills `literals` and `literal_steps` from `single`: what is left of a lookup behind a literal's
// word is a smaller lookup, and where it holds the word of a literal or a length, one entry gives
// both.
using Join = void (*)(Tables& tables);

// Makes the tables of a block from the lengths of its code words, 0 where a symbol has none. False
// where they are no prefix code.
bool make_literal_table(std::span<const std::uint8_t> lengths, Join join, Tables& tables);
bool make_distance_table(std::span<const std::uint8_t> lengths, Tables& tables);
// The code that the lengths themselves are written in: symbol << 4 | length, by seven bits.
bool make_length_table(std::span<const std::uint8_t, 19> lengths,
                       std::span<std::uint32_t, 128> table);

inline constexpr unsigned kNextShift = 8; // in a step, of the next lookup's bits

// Where entries without a match copy from in vain: far enough that it was stored long ago.
inline constexpr std::size_t kNoDistance = 512;

// Decodes symbols as long as there is plenty of input and room, once kNoDistance bytes are there.
// Stops in front of the end of the block. False for a distance that reaches too far back.
using Run = bool (*)(Stream& stream, const Tables& tables);

struct Loops {
  Run run;
  Join join_literals;
};
// The slowest first; each gives the same bytes.
std::vector<Loops> available_loops();
// The fastest, unless KINFAST_FORCE_ISA asks for the plain one.
const Loops& best_loops();

} // namespace inflate

// For many streams, one after the other. One thread at a time.
class InflateDecoder {
public:
  explicit InflateDecoder(const inflate::Loops& loops = inflate::best_loops()) : loops_(loops) {}

  // full: the stream goes on, and `out` does not. broken: what came is no whole zlib stream, or
  // its checksum is another. slow: it begins with so many literals between matches that a decoder
  // that takes them one by one is faster.
  enum class Status { done, full, broken, slow };
  struct Result {
    Status status;
    std::size_t written;
  };

  // Fills `out` from its start. After `full` or `broken` it may hold anything.
  Result decode(std::span<const std::byte> in, std::span<std::byte> out);

private:
  enum class Step { next_symbol, next_block, last_block_done, full, broken, slow };

  Step decode_block(inflate::Stream& stream);
  Step copy_stored(inflate::Stream& stream, bool last);
  Step decode_symbols(inflate::Stream& stream, bool last);
  Step decode_entry(inflate::Stream& stream);
  Step copy_match(inflate::Stream& stream, std::size_t length);
  bool read_tables(inflate::Stream& stream);
  bool set_fixed_tables();

  inflate::Loops loops_;
  inflate::Tables tables_;
  bool has_fixed_tables_ = false;
};

} // namespace kinfast::tiff
