// Stripes and blocks of XXH3. See rows.inl.hpp for how this file is included.

// The eight lanes of XXH3. A lane adds its neighbour's input beside the product, so that nothing is
// lost where that is zero.
#if KINFAST_ISA_SHUFFLES
// By hand, since compilers make twice the scalar loop's time of it.
struct HashLanes {
  __m256i half[2];
};

KINFAST_ISA inline void load_lanes(const std::uint64_t* from, HashLanes& lanes) {
  const auto* halves = reinterpret_cast<const __m256i*>(from);
  lanes.half[0] = _mm256_loadu_si256(halves);
  lanes.half[1] = _mm256_loadu_si256(halves + 1);
}

KINFAST_ISA inline void store_lanes(const HashLanes& lanes, std::uint64_t* to) {
  auto* halves = reinterpret_cast<__m256i*>(to);
  _mm256_storeu_si256(halves, lanes.half[0]);
  _mm256_storeu_si256(halves + 1, lanes.half[1]);
}

KINFAST_ISA inline void hash_stripe(HashLanes& lanes, const std::byte* data, const std::byte* key) {
  for (std::size_t i = 0; i < 2; ++i) {
    const __m256i input = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data) + i);
    const __m256i keyed =
        _mm256_xor_si256(input, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(key) + i));
    const __m256i product = _mm256_mul_epu32(keyed, _mm256_srli_epi64(keyed, 32));
    const __m256i neighbour = _mm256_shuffle_epi32(input, _MM_SHUFFLE(1, 0, 3, 2));
    lanes.half[i] = _mm256_add_epi64(lanes.half[i], _mm256_add_epi64(neighbour, product));
  }
}
#else
struct HashLanes {
  std::uint64_t lane[8];
};

KINFAST_ISA inline void load_lanes(const std::uint64_t* from, HashLanes& lanes) {
  std::memcpy(lanes.lane, from, sizeof lanes.lane);
}

KINFAST_ISA inline void store_lanes(const HashLanes& lanes, std::uint64_t* to) {
  std::memcpy(to, lanes.lane, sizeof lanes.lane);
}

KINFAST_ISA inline void hash_stripe(HashLanes& lanes, const std::byte* data, const std::byte* key) {
  std::uint64_t input[8];
  std::uint64_t keyed[8];
  std::memcpy(input, data, sizeof input);
  std::memcpy(keyed, key, sizeof keyed);
  for (std::size_t i = 0; i < 8; ++i) {
    keyed[i] = little_endian(keyed[i]) ^ little_endian(input[i]);
    lanes.lane[i] += little_endian(input[i ^ 1]) + (keyed[i] & 0xFFFFFFFFU) * (keyed[i] >> 32);
  }
}
#endif

constexpr std::size_t kBlockStripes = 16;

KINFAST_ISA void hash_stripes(const std::byte* data, std::size_t n_stripes, const std::byte* secret,
                              std::uint64_t* lanes) {
  HashLanes held;
  load_lanes(lanes, held);
  for (std::size_t stripe = 0; stripe < n_stripes; ++stripe) {
    hash_stripe(held, data + stripe * 64, secret + stripe * 8);
  }
  store_lanes(held, lanes);
}

KINFAST_ISA inline void scramble_lanes(std::uint64_t* lanes) {
  constexpr std::uint64_t kScramble = 0x9E3779B1U;
  std::uint64_t keys[8];
  std::memcpy(keys, kHashSecret + 128, sizeof keys);
  for (std::size_t i = 0; i < 8; ++i) {
    lanes[i] = (lanes[i] ^ (lanes[i] >> 47) ^ little_endian(keys[i])) * kScramble;
  }
}

KINFAST_ISA void hash_blocks(const std::byte* data, std::size_t n_blocks, std::uint64_t* lanes) {
  const std::byte* secret = reinterpret_cast<const std::byte*>(kHashSecret);
  for (std::size_t block = 0; block < n_blocks; ++block) {
    hash_stripes(data + block * kBlockStripes * 64, kBlockStripes, secret, lanes);
    scramble_lanes(lanes);
  }
}
