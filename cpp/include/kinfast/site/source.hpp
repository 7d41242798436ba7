// From the files of one channel of one site to one raw image.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "kinfast/image/hash.hpp"
#include "kinfast/image/view.hpp"
#include "kinfast/tiff/decode.hpp"

namespace kinfast {

// What is wrong with a channel's files, and which one it was.
class SourceError : public std::runtime_error {
public:
  SourceError(const std::string& reason, std::string path)
      : std::runtime_error(reason), path_(std::move(path)) {}
  const std::string& path() const { return path_; }

private:
  std::string path_; // empty where there is no file
};

// Reads and decodes; keeps its memory from image to image. One thread at a time.
class SourceReader {
public:
  // Decodes the first page of every plane and takes their maximum. `shape` is what each must have;
  // without one, they must be alike. Grey and palette images of 8 to 16 bits.
  // The view is valid until the next call. Throws SourceError.
  ImageView<const std::uint16_t> read(const std::vector<std::string>& planes,
                                      std::optional<Shape> shape);

  // Where the image is used where it lies in its file, the file's hash still lacks its pixels:
  // whoever goes over them adds them all to it, in their order. Null where nothing is lacking.
  Hasher* hash_without_pixels() { return behind_pixels_ ? &hasher_ : nullptr; }
  // Of the bytes of the files that were read last, one after the other; see hash.hpp. Ask once,
  // when what hash_without_pixels() says is done.
  std::uint64_t file_hash();
  // Largest number of bits of a sample in those files.
  unsigned bits() const { return bits_; }

private:
  void load(const std::string& path, std::optional<Shape>& shape);
  std::optional<ImageView<const std::uint16_t>> find_stored(Shape shape);
  void decode(Shape shape, ImageBuffer<std::uint16_t>& into);

  std::vector<std::byte> file_;
  tiff::Decoder decoder_;
  ImageBuffer<std::uint16_t> raw_;
  ImageBuffer<std::uint16_t> plane_;
  Hasher hasher_;
  std::optional<std::span<const std::byte>> behind_pixels_; // of the file, not hashed yet
  unsigned bits_ = 0;
};

} // namespace kinfast
