// The errors of the native core. A message says what was found, what was wanted, and where.
#pragma once

#include <stdexcept>

namespace kinfast {

class TiffError : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

// The file contradicts itself, or ends too early.
class FormatError : public TiffError {
public:
  using TiffError::TiffError;
};

// The file is legal, and uses something that is not decoded here.
class UnsupportedError : public TiffError {
public:
  using TiffError::TiffError;
};

// The file asks for more memory than the limits allow.
class LimitsError : public TiffError {
public:
  using TiffError::TiffError;
};

// The operating system could not open or read the file.
class IoError : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

} // namespace kinfast
