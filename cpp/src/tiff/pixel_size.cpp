// The size of a pixel from the places where microscopes and their programs write it.
#include "kinfast/tiff/page.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <locale>
#include <sstream>
#include <string_view>
#include <utility>

namespace kinfast::tiff {
namespace {

// Cameras have pixels of up to 13 um, binning makes them larger and objectives smaller.
constexpr double kSmallestUm = 0.005;
constexpr double kLargestUm = 100.0;
// A bare resolution tag may be a printer's dots per inch, or the camera's own pixels (3.45 um and
// up) without the objective.
constexpr double kLargestBareUm = 3.0;

std::optional<double> plausible(double pixel_um, double largest = kLargestUm) {
  const bool sane = std::isfinite(pixel_um) && pixel_um >= kSmallestUm && pixel_um <= largest;
  return sane ? std::optional(pixel_um) : std::nullopt;
}

// The text between `name="` and the next quote, after `from`; empty where there is none.
std::string attribute(const std::string& text, std::string_view name, std::size_t from) {
  const std::string opening = std::string(name) + "=\"";
  const auto start = text.find(opening, from);
  if (start == std::string::npos) {
    return {};
  }
  const auto value = start + opening.size();
  const auto end = text.find('"', value);
  return end == std::string::npos ? std::string{} : text.substr(value, end - value);
}

std::optional<double> um_per_unit(const std::string& unit) {
  // micro sign and Greek mu, as UTF-8, as Latin-1, and as ImageJ escapes it
  constexpr std::array<std::pair<std::string_view, double>, 13> kUnits = {{
      {"um", 1.0},
      {"micron", 1.0},
      {"microns", 1.0},
      {"micrometer", 1.0},
      {"\xC2\xB5m", 1.0},
      {"\xCE\xBCm", 1.0},
      {"\xB5m", 1.0},
      {"\\u00B5m", 1.0},
      {"nm", 1e-3},
      {"mm", 1e3},
      {"cm", 1e4},
      {"m", 1e6},
      {"inch", 25400.0},
  }};
  for (const auto& [name, factor] : kUnits) {
    if (unit == name) {
      return factor;
    }
  }
  return std::nullopt;
}

std::optional<double> from_ome(const std::string& description) {
  const auto pixels = description.find("<Pixels");
  if (pixels == std::string::npos) {
    return std::nullopt;
  }
  const auto unit_name = attribute(description, "PhysicalSizeXUnit", pixels);
  const auto unit = um_per_unit(unit_name.empty() ? "um" : unit_name); // the schema's default
  const auto size = parse_number(attribute(description, "PhysicalSizeX", pixels));
  return unit && size ? plausible(*size * *unit) : std::nullopt;
}

std::optional<double> from_metamorph(const std::string& description) {
  const auto property = description.find("id=\"spatial-calibration-x\"");
  if (property == std::string::npos) {
    return std::nullopt;
  }
  return plausible(parse_number(attribute(description, "value", property)).value_or(0));
}

// The rest of the line after `key`.
std::string line_value(const std::string& text, std::string_view key) {
  const auto start = text.find(key);
  if (start == std::string::npos) {
    return {};
  }
  const auto value = start + key.size();
  return text.substr(value, text.find_first_of("\r\n", value) - value);
}

std::optional<double> from_imagej(const std::string& description, const Directory& directory) {
  const auto pixels_per_unit = directory.rational(tag::kXResolution);
  const auto unit_name = line_value(description, "unit=");
  if (!pixels_per_unit || unit_name.empty() || *pixels_per_unit <= 0) {
    return std::nullopt;
  }
  const auto unit = um_per_unit(unit_name);
  return unit ? plausible(*unit / *pixels_per_unit) : std::nullopt;
}

// MetaMorph's UIC1 tag: pairs of an item's number and its value, or where that is.
std::optional<double> from_uic1(const Directory& directory) try {
  constexpr std::uint64_t kXCalibration = 4; // a quotient of two integers
  constexpr std::uint64_t kUnits = 6;        // a length and a text
  const Entry* entry = directory.find(tag::kUic1);
  if (entry == nullptr || entry->count < 2) {
    return std::nullopt;
  }
  const ByteReader& reader = directory.reader();
  double pixel = 0;
  std::optional<double> unit;
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(entry->count, kUnits + 1); ++i) {
    const auto item = reader.read_uint(entry->offset + 8 * i, 4, "UIC1 item");
    const auto at = reader.read_uint(entry->offset + 8 * i + 4, 4, "UIC1 value");
    if (item == kXCalibration) {
      pixel = static_cast<double>(reader.read_uint(at, 4, "UIC1 calibration")) /
              static_cast<double>(reader.read_uint(at + 4, 4, "UIC1 calibration"));
    } else if (item == kUnits) {
      const auto length = std::min<std::uint64_t>(reader.read_uint(at, 4, "UIC1 units"), 32);
      unit = um_per_unit(text_from(reader.slice(at + 4, length, "UIC1 units")));
    }
  }
  return unit ? plausible(pixel * *unit) : std::nullopt;
} catch (const FormatError&) {
  return std::nullopt; // a note that points nowhere is no reason to refuse the file
}

std::optional<double> from_resolution(const Directory& directory) {
  constexpr std::uint64_t kInch = 2;
  constexpr std::uint64_t kCentimetre = 3;
  const auto resolution = directory.rational(tag::kXResolution);
  const Entry* unit = directory.find(tag::kResolutionUnit);
  if (!resolution || *resolution <= 0 || unit == nullptr || unit->type != 3 || unit->count != 1) {
    return std::nullopt;
  }
  const auto code = directory.integer(tag::kResolutionUnit).value_or(0);
  if (code != kInch && code != kCentimetre) {
    return std::nullopt;
  }
  return plausible((code == kInch ? 25400.0 : 10000.0) / *resolution, kLargestBareUm);
}

} // namespace

std::optional<double> parse_number(const std::string& text) {
  std::istringstream stream(text);
  stream.imbue(std::locale::classic());
  double value = 0;
  return stream >> value ? std::optional(value) : std::nullopt;
}

std::optional<double> read_pixel_um(const Directory& directory) {
  const std::string description = directory.text(tag::kImageDescription);
  if (const auto um = from_ome(description)) {
    return um;
  }
  if (const auto um = from_metamorph(description)) {
    return um;
  }
  if (const auto um = from_uic1(directory)) {
    return um;
  }
  if (description.starts_with("ImageJ=")) {
    return from_imagej(description, directory);
  }
  return from_resolution(directory);
}

} // namespace kinfast::tiff
