// The size of a pixel from the places where microscopes and their programs write it.
#include "kinfast/tiff/page.hpp"

#include <array>
#include <cmath>
#include <locale>
#include <sstream>
#include <string_view>
#include <utility>

namespace kinfast::tiff {
namespace {

// Cameras have pixels of 1 to 30 um and objectives magnify; what is outside tells of a printer's
// dots per inch.
constexpr double kSmallestUm = 0.005;
constexpr double kLargestUm = 30.0;

std::optional<double> plausible(double pixel_um) {
  const bool sane = std::isfinite(pixel_um) && pixel_um >= kSmallestUm && pixel_um <= kLargestUm;
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
  constexpr std::array<std::pair<std::string_view, double>, 14> kUnits = {{
      {"", 1.0},
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
  const auto unit = um_per_unit(attribute(description, "PhysicalSizeXUnit", pixels));
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
  return plausible((code == kInch ? 25400.0 : 10000.0) / *resolution);
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
  if (description.starts_with("ImageJ=")) {
    return from_imagej(description, directory);
  }
  return from_resolution(directory);
}

} // namespace kinfast::tiff
