#include "kinfast/site/source.hpp"

#include <algorithm>
#include <exception>
#include <new>

#include "kinfast/image/project.hpp"

namespace kinfast {
namespace {

// The reason alone: some messages begin with the path, which a SourceError holds by itself.
std::string reason_of(const std::exception& error, const std::string& path) {
  const std::string text = error.what();
  const std::string prefix = path + ": ";
  return text.starts_with(prefix) ? text.substr(prefix.size()) : text;
}

} // namespace

ImageView<const std::uint16_t> SourceReader::read(const std::vector<std::string>& planes,
                                                  std::optional<Shape> shape) {
  if (planes.empty()) {
    throw SourceError("no image", "");
  }
  hasher_ = Hasher();
  behind_pixels_.reset();
  bits_ = 0;
  for (const std::string& path : planes) {
    auto& into = &path == &planes.front() ? raw_ : plane_;
    try {
      load(path, shape);
      if (planes.size() == 1) {
        if (const auto stored = find_stored(*shape)) {
          return *stored;
        }
      }
      hasher_.add(file_);
      decode(*shape, into);
    } catch (const SourceError&) {
      throw;
    } catch (const std::bad_alloc&) {
      throw SourceError("not enough memory", path);
    } catch (const std::exception& error) {
      throw SourceError(reason_of(error, path), path);
    }
    if (&into != &raw_) {
      max_project(into.view(), raw_.view());
    }
  }
  return raw_.view();
}

void SourceReader::load(const std::string& path, std::optional<Shape>& shape) {
  tiff::read_file_into(path, file_);
  const auto info = tiff::read_page_info(file_, 0, tiff::Limits{});
  const Shape found{info.height, info.width};
  if (shape && *shape != found) {
    throw SourceError("image is " + to_string(found) + " pixels, wanted " + to_string(*shape),
                      path);
  }
  shape = found;
  bits_ = std::max(bits_, info.bits);
}

std::uint64_t SourceReader::file_hash() {
  hasher_.add(behind_pixels_.value_or(std::span<const std::byte>()));
  behind_pixels_.reset();
  return hasher_.hash();
}

// An uncompressed image is used where it was read to: a copy would take as long as the reading.
std::optional<ImageView<const std::uint16_t>> SourceReader::find_stored(Shape shape) {
  const auto offset = decoder_.stored_grey16_at(file_, 0, tiff::Limits{});
  if (!offset || *offset % alignof(std::uint16_t) != 0) {
    return std::nullopt;
  }
  const std::byte* pixels = file_.data() + *offset;
  const std::span file(file_);
  hasher_.add(file.first(*offset));
  behind_pixels_ = file.subspan(*offset + shape.pixels() * sizeof(std::uint16_t));
  return ImageView<const std::uint16_t>{reinterpret_cast<const std::uint16_t*>(pixels), shape};
}

void SourceReader::decode(Shape shape, ImageBuffer<std::uint16_t>& into) {
  into.reshape(shape);
  decoder_.decode_grey16_into(file_, 0, tiff::Limits{}, shape.height, shape.width,
                              {into.view().data, shape.pixels()});
}

} // namespace kinfast
