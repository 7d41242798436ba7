// Which instruction set the row kernels use. Chosen once, at the first use; every choice gives the
// same bytes.
#pragma once

#include <string_view>
#include <vector>

namespace kinfast {

enum class Isa { scalar, avx2, avx512 };

std::string_view isa_name(Isa isa);

// What this processor and operating system can run, slowest first; scalar is always there.
std::vector<Isa> available_isas();

// The fastest available, or the one that the environment variable KINFAST_FORCE_ISA names. Throws
// std::invalid_argument where that name is unknown or cannot run here.
Isa active_isa();

} // namespace kinfast
