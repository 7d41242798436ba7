#include "rows.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace kinfast {
namespace {

// Attributes of functions, not flags of a file: an inline function of the standard library that
// was compiled with -mavx2 here might be the one that the linker keeps for everybody.
namespace scalar {
#define KINFAST_ISA
#define KINFAST_ISA_SHUFFLES 0
#include "rows.inl.hpp"
#undef KINFAST_ISA
#undef KINFAST_ISA_SHUFFLES
} // namespace scalar

#if defined(__x86_64__)
namespace avx2 {
#define KINFAST_ISA_SHUFFLES 1
#define KINFAST_ISA __attribute__((target("avx2")))
#include "rows.inl.hpp"
#undef KINFAST_ISA
#undef KINFAST_ISA_SHUFFLES
} // namespace avx2

namespace avx512 {
#define KINFAST_ISA_SHUFFLES 1
#if defined(__clang__)
#define KINFAST_ISA                                                                                \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"), min_vector_width(512)))
#else
#define KINFAST_ISA                                                                                \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,prefer-vector-width=512")))
#endif
#include "rows.inl.hpp"
#undef KINFAST_ISA
#undef KINFAST_ISA_SHUFFLES
} // namespace avx512
#endif

const RowKernels& table(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx512) {
    return avx512::kKernels;
  }
  if (isa == Isa::avx2) {
    return avx2::kKernels;
  }
#endif
  static_cast<void>(isa);
  return scalar::kKernels;
}

} // namespace

const RowKernels& row_kernels() {
  static const RowKernels& chosen = table(active_isa());
  return chosen;
}

const RowKernels& row_kernels(Isa isa) {
  const auto available = available_isas();
  if (std::find(available.begin(), available.end(), isa) == available.end()) {
    throw std::invalid_argument(std::string(isa_name(isa)) + " does not run on this machine");
  }
  return table(isa);
}

} // namespace kinfast
