#include "kinfast/site/source.hpp"

#include <exception>
#include <new>

#include "kinfast/image/hash.hpp"
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
  file_hash_ = 0;
  for (const std::string& path : planes) {
    auto& into = &path == &planes.front() ? raw_ : plane_;
    try {
      read_plane(path, shape, into);
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

void SourceReader::read_plane(const std::string& path, std::optional<Shape>& shape,
                              ImageBuffer<std::uint16_t>& into) {
  tiff::read_file_into(path, file_);
  file_hash_ = hash_bytes(file_, file_hash_);
  const tiff::Limits limits;
  const auto info = tiff::read_page_info(file_, 0, limits);
  const Shape found{info.height, info.width};
  if (shape && *shape != found) {
    throw SourceError("image is " + to_string(found) + " pixels, wanted " + to_string(*shape),
                      path);
  }
  shape = found;
  into.reshape(found);
  decoder_.decode_grey16_into(file_, 0, limits, found.height, found.width,
                              {into.view().data, found.pixels()});
}

} // namespace kinfast
