// Builds the one-line messages of the decoder's errors.
#pragma once

#include <sstream>
#include <string>

namespace kinfast::tiff {

template <typename... Parts> std::string message(const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  return text.str();
}

} // namespace kinfast::tiff
