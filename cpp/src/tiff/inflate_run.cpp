#include "inflate_entry.hpp"
#include "kinfast/image/isa.hpp"
#include "kinfast/tiff/inflate.hpp"
#include "words.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace kinfast::tiff::inflate {
namespace {

constexpr std::ptrdiff_t kCopyMargin = 16;

// A round takes up to eight bytes, of which it may load eight more, and gives up to two literals
// and a match.
std::ptrdiff_t rounds_in(const Stream& stream, const std::byte* next, const std::byte* out) {
  constexpr std::ptrdiff_t kRoundInput = 8;
  constexpr std::ptrdiff_t kRoundOutput = 2 + 258;
  return std::min((stream.end - next) / kRoundInput - 2,
                  (stream.out_end - out - kCopyMargin) / kRoundOutput);
}

namespace plain {
#define KINFAST_ISA
#define KINFAST_LOW_BITS(bits, n) ((bits) & ((std::uint64_t{1} << ((n) & 63)) - 1))
#define KINFAST_FIELD(bits, step)                                                                  \
  ((bits) >> ((step) & 63) & ((std::uint64_t{1} << ((step) >> kNextShift)) - 1))
#include "inflate_run.inl.hpp"
#undef KINFAST_FIELD
#undef KINFAST_LOW_BITS
#undef KINFAST_ISA
} // namespace plain

#if defined(__x86_64__)
// Shifts by a variable that need no particular register and leave the flags alone, and the lookups
// of joining eight at a time.
namespace avx2 {
#define KINFAST_ISA __attribute__((target("avx2,bmi,bmi2")))
#define KINFAST_LOW_BITS(bits, n) _bzhi_u64(bits, n)
#define KINFAST_FIELD(bits, step) __builtin_ia32_bextr_u64(bits, step)
#include "inflate_run.inl.hpp"
#undef KINFAST_FIELD
#undef KINFAST_LOW_BITS
#undef KINFAST_ISA
} // namespace avx2
#endif

} // namespace

std::vector<Loops> available_loops() {
  std::vector<Loops> all{{plain::run, plain::join_literals}};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("bmi") != 0 &&
      __builtin_cpu_supports("bmi2") != 0) {
    all.push_back({avx2::run, avx2::join_literals});
  }
#endif
  return all;
}

const Loops& best_loops() {
  static const Loops chosen =
      active_isa() == Isa::scalar ? available_loops().front() : available_loops().back();
  return chosen;
}

} // namespace kinfast::tiff::inflate
