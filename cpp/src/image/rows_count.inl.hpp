// The histogram, which hashes beside it. See rows.inl.hpp for how this file is included.

// Neighbouring pixels are alike, and two increments of one counter wait for each other: so four
// neighbours go to four tables. One load for four pixels: the counters alone keep the load and
// store units busy.
KINFAST_ISA inline void count_four(const std::byte* pixels, std::uint32_t* tables) {
  std::uint64_t four = 0;
  std::memcpy(&four, pixels, sizeof four);
  ++tables[four & 0xFFFFU];
  ++tables[kLevels + ((four >> 16) & 0xFFFFU)];
  ++tables[2 * kLevels + ((four >> 32) & 0xFFFFU)];
  ++tables[3 * kLevels + (four >> 48)];
}

// A stripe's 32 counters take as many cycles, of which hashing fills the idle part.
template <std::size_t kHashed>
KINFAST_ISA void count_and_hash(const std::byte* pixels, std::size_t n_blocks,
                                std::uint32_t* tables, const HashRun* runs) {
  const std::byte* secret = reinterpret_cast<const std::byte*>(kHashSecret);
  for (std::size_t block = 0; block < n_blocks; ++block) {
    HashLanes held[kHashed];
    for (std::size_t i = 0; i < kHashed; ++i) {
      load_lanes(runs[i].lanes, held[i]);
    }
    for (std::size_t stripe = 0; stripe < kBlockStripes; ++stripe) {
      const std::size_t at = (block * kBlockStripes + stripe) * 64;
      for (std::size_t i = 0; i < kHashed; ++i) {
        hash_stripe(held[i], runs[i].data + at, secret + stripe * 8);
      }
      for (std::size_t byte = 0; byte < 64; byte += 8) {
        count_four(pixels + at + byte, tables);
      }
    }
    for (std::size_t i = 0; i < kHashed; ++i) {
      store_lanes(held[i], runs[i].lanes);
      scramble_lanes(runs[i].lanes);
    }
  }
}

KINFAST_ISA void count_blocks(const std::byte* pixels, std::size_t n_blocks, std::uint32_t* tables,
                              const HashRun* runs, std::size_t n_runs) {
  switch (n_runs) {
  case 2:
    return count_and_hash<2>(pixels, n_blocks, tables, runs);
  case 1:
    return count_and_hash<1>(pixels, n_blocks, tables, runs);
  default:
    break;
  }
  for (std::size_t at = 0; at < n_blocks * kBlockStripes * 64; at += 8) {
    count_four(pixels + at, tables);
  }
}
