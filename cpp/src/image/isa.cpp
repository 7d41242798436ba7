#include "kinfast/image/isa.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace kinfast {
namespace {

#if defined(__x86_64__)
// The builtin asks the operating system too: registers that it does not save do not count.
bool runs_avx2() { return __builtin_cpu_supports("avx2") != 0; }
bool runs_avx512() {
  return runs_avx2() && __builtin_cpu_supports("avx512f") != 0 &&
         __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
         __builtin_cpu_supports("avx512vl") != 0;
}
#else
bool runs_avx2() { return false; }
bool runs_avx512() { return false; }
#endif

std::string names(const std::vector<Isa>& isas) {
  std::string text;
  for (const Isa isa : isas) {
    text += (text.empty() ? "" : ", ") + std::string(isa_name(isa));
  }
  return text;
}

Isa choose_isa() {
  const auto available = available_isas();
  const char* forced = std::getenv("KINFAST_FORCE_ISA");
  if (forced == nullptr || *forced == '\0') {
    return available.back();
  }
  for (const Isa isa : available) {
    if (isa_name(isa) == forced) {
      return isa;
    }
  }
  throw std::invalid_argument("KINFAST_FORCE_ISA=" + std::string(forced) +
                              ": this machine runs one of " + names(available));
}

} // namespace

std::string_view isa_name(Isa isa) {
  switch (isa) {
  case Isa::avx2:
    return "avx2";
  case Isa::avx512:
    return "avx512";
  case Isa::scalar:
    break;
  }
  return "scalar";
}

std::vector<Isa> available_isas() {
  std::vector<Isa> isas{Isa::scalar};
  if (runs_avx2()) {
    isas.push_back(Isa::avx2);
  }
  if (runs_avx512()) {
    isas.push_back(Isa::avx512);
  }
  return isas;
}

Isa active_isa() {
  static const Isa chosen = choose_isa();
  return chosen;
}

} // namespace kinfast
