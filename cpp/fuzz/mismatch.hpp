// What a fuzz target throws where two ways to the same bytes disagree: the fuzzer stops at it, the
// replay reports it.
#pragma once

#include "kinfast/tiff/message.hpp"

#include <stdexcept>

namespace kinfast::fuzz {

struct Mismatch : std::logic_error {
  using std::logic_error::logic_error;
};

template <typename... Parts> void require(bool holds, const Parts&... parts) {
  if (!holds) {
    throw Mismatch(tiff::message("MISMATCH: ", parts...));
  }
}

} // namespace kinfast::fuzz
