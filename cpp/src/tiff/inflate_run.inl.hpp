// The inner loop of Deflate, included once for each instruction set (see inflate_run.cpp).
//
// Its speed is that of one chain: mask the bits, look up, shift by what the entry says; once for a
// literal with the length behind it, once for the distance. All else runs beside the chain: the
// bits are topped up, the lookup for the next round is made before a match is copied. And no branch
// depends on what cannot be foreseen, literal or match, one byte or two: each round stores two
// literals and copies sixteen bytes, and goes on by as many as there were. An entry without a match
// looks up the distance in front of the table, which takes no bits.

// What the extra bits of a distance say. Where the processor has it, one instruction takes the low
// bits of a number, as many as the lowest byte of another one says.
KINFAST_ISA inline std::uint64_t extra_of(std::uint64_t bits, std::uint32_t entry) {
  return KINFAST_LOW_BITS(bits, entry) >> (entry >> kWordShift & 63);
}

inline void store_literals(std::byte* to, std::uint32_t entry) {
  auto both = static_cast<std::uint16_t>(value_of(entry));
  if constexpr (std::endian::native == std::endian::big) {
    both = static_cast<std::uint16_t>(both << 8 | both >> 8);
  }
  std::memcpy(to, &both, 2);
}

inline void copy_16(std::byte* to, const std::byte* from) {
  std::byte block[16];
  std::memcpy(block, from, 16);
  std::memcpy(to, block, 16);
}

// Matches of more than sixteen bytes, and those that go on into themselves: sixteen at a time, from
// a multiple of the distance that is no shorter; up to kCopyMargin too much.
inline void copy_long(std::byte* to, std::size_t distance, std::size_t length) {
  constexpr std::size_t kBlock = 16;
  std::byte* const end = to + length;
  std::size_t back = distance;
  if (distance < kBlock) {
    back = (kBlock + distance - 1) / distance * distance;
    for (std::byte* const first = to + (back - distance); to < first; ++to) {
      *to = *(to - distance);
    }
  }
  for (; to < end; to += kBlock) {
    copy_16(to, to - back);
  }
}

KINFAST_ISA bool run(Stream& stream, const Tables& tables) {
  constexpr std::uint64_t kLiteralMask = (1U << kLiteralBits) - 1;
  constexpr std::uint32_t kOnlyNext = kLiteralBits << kNextShift; // a step over no bits
  if (static_cast<std::size_t>(stream.out - stream.out_begin) < kNoDistance) {
    return true;
  }
  const std::byte* next = stream.next;
  std::byte* out = stream.out;
  std::uint64_t bits = stream.bits;
  std::uint32_t count = stream.count; // its lowest six bits count
  std::uint64_t at = 0;               // of the next lookup
  bool sound = true;
  const auto refill = [&] {
    bits |= load_little_endian(next) << (count & 63);
    next += ~count >> 3 & 7;
    count |= 56;
  };

  // As many rounds as input and room are sure to last for; then those that are left once more.
  std::ptrdiff_t rounds = rounds_in(stream, next, out);
  if (rounds > 0) {
    refill();
    at = bits & kLiteralMask;
  }
  for (; rounds > 0; rounds = rounds_in(stream, next, out)) {
    for (; rounds > 0; --rounds) {
      // 56 bits are there. A lookup and the longest distance take 40 of them, so that the lookup
      // for the next round need not wait for more; what takes more tops up by itself.
      std::uint32_t entry = tables.literals[at];
      std::uint32_t step = tables.literal_steps[at];
      std::size_t extra = 0;
      if ((entry & (kRare | kMore)) != 0) [[unlikely]] {
        if ((entry & kRare) != 0) {
          if ((entry & kMore) == 0) {
            goto leave; // the end of the block
          }
          const std::uint64_t behind = bits >> bits_of(entry);
          const std::uint32_t longer =
              tables.literals[value_of(entry) + (behind & ((1U << word_of(entry)) - 1))];
          if ((longer & kRare) != 0) {
            goto leave;
          }
          bits = behind;
          count -= bits_of(entry);
          refill();
          entry = longer;
          step = step_of(entry);
        }
        if ((entry & kMore) != 0) {
          extra = KINFAST_LOW_BITS(bits, entry) >> word_of(entry);
          bits >>= bits_of(entry);
          count -= bits_of(entry);
          refill();
          step = kDistanceBits << kNextShift;
        }
      }
      const std::uint64_t match = std::uint64_t{0} - (step / (kDistanceBits << kNextShift));
      const std::uint64_t place = KINFAST_FIELD(bits, step);
      std::byte* const text = out + literals_of(entry);
      store_literals(out, entry);
      const std::size_t length = (length_of(entry) + extra) & match;
      bits >>= step & 63;
      count -= step;
      std::uint32_t back = tables.distances[place];
      std::uint32_t back_step =
          tables.distance_steps[place] & (static_cast<std::uint32_t>(match) | kOnlyNext);
      if ((back & kRare) != 0) [[unlikely]] {
        bits >>= bits_of(back);
        count -= bits_of(back);
        back = tables.distances[value_of(back) + (bits & ((1U << word_of(back)) - 1))];
        back_step = bits_of(back) | kOnlyNext;
      }
      const std::size_t distance =
          ((value_of(back) + extra_of(bits, back)) & match) | (kNoDistance & ~match);
      at = KINFAST_FIELD(bits, back_step);
      bits >>= back_step & 63;
      count -= back_step;
      refill();
      if (distance > static_cast<std::size_t>(text - stream.out_begin)) [[unlikely]] {
        sound = false;
        goto leave;
      }
      if (length <= std::min<std::size_t>(distance, 16)) [[likely]] {
        copy_16(text, text - distance);
      } else {
        copy_long(text, distance, length);
      }
      out = text + length;
    }
  }
leave:
  // Whole bytes go back, so that the careful reader finds nothing above its count.
  count &= 63;
  next -= count / 8;
  count %= 8;
  stream.bits = bits & ((1U << count) - 1);
  stream.count = count;
  stream.next = next;
  stream.out = out;
  return sound;
}

KINFAST_ISA void join_literals(Tables& tables) {
  constexpr std::size_t kSize = std::size_t{1} << kLiteralBits;
  const std::uint32_t* const single = tables.single.data();
  std::uint32_t* const joined = tables.literals.data();
  for (std::size_t i = 0; i < kSize; ++i) {
    const std::uint32_t first = single[i];
    const std::uint32_t second = single[static_cast<std::uint32_t>(i) >> bits_of(first)];
    const std::uint32_t match = (second / kNoMatch & 1) - 1; // all ones, or none
    const std::uint32_t word =
        bits_of(first) + ((word_of(second) & match) | (bits_of(second) & ~match));
    const std::uint32_t after_match =
        (second & (~0U << kSecondShift | kMore)) | 1U << kNumberShift | word << kWordShift;
    const std::uint32_t after_literal =
        kNoMatch | (value_of(second) & 0xFF) << kSecondShift | 2U << kNumberShift;
    const std::uint32_t both = (after_match & match) | (after_literal & ~match) |
                               (first & 0xFFU << kValueShift) | (bits_of(first) + bits_of(second));
    const bool fit =
        ((first | second) & kRare) == 0 && (first & kNoMatch) != 0 && word <= kLiteralBits;
    joined[i] = fit ? both : first;
  }
  std::uint32_t without_match = 0;
  for (std::size_t i = 0; i < kSize; ++i) {
    tables.literal_steps[i] = static_cast<std::uint16_t>(step_of(joined[i]));
    without_match += joined[i] / kNoMatch & 1;
  }
  tables.literal_share = without_match / double{kSize};
  std::copy(single + kSize, single + tables.n_literals, joined + kSize);
}
