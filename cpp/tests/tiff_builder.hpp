// Builds small TIFF files byte by byte, right and wrong ones alike.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

namespace kinfast::test {

using Bytes = std::vector<std::byte>;

inline Bytes to_bytes(std::initializer_list<int> values) {
  Bytes bytes;
  for (const int value : values) {
    bytes.push_back(static_cast<std::byte>(value));
  }
  return bytes;
}

// A file of one page (or a chain of equal ones). Tags hold integers; pixel data stand behind the
// header.
class TiffBuilder {
public:
  explicit TiffBuilder(bool big_endian = false, bool big_tiff = false)
      : big_endian_(big_endian), big_tiff_(big_tiff) {}

  TiffBuilder& set(std::uint16_t tag, std::vector<std::uint64_t> values) {
    tags_[tag] = std::move(values);
    return *this;
  }
  TiffBuilder& set(std::uint16_t tag, std::uint64_t value) { return set(tag, std::vector{value}); }
  TiffBuilder& remove(std::uint16_t tag) {
    tags_.erase(tag);
    return *this;
  }
  // Width, height, bits, and one strip or more of `pixels`, `rows` rows each.
  TiffBuilder& image(std::uint64_t width, std::uint64_t height, std::uint64_t bits,
                     std::vector<Bytes> strips) {
    set(256, width).set(257, height).set(258, bits).set(259, 1).set(262, 1);
    set(278, (height + strips.size() - 1) / strips.size());
    strips_ = std::move(strips);
    place_strips(273, 279);
    return *this;
  }
  TiffBuilder& tiles(std::uint64_t width, std::uint64_t height, std::vector<Bytes> tiles) {
    set(322, width).set(323, height).remove(273).remove(279).remove(278);
    strips_ = std::move(tiles);
    place_strips(324, 325);
    return *this;
  }

  // The offset of the one IFD.
  std::uint64_t ifd_offset() const {
    std::uint64_t at = header_size();
    for (const auto& strip : strips_) {
      at += strip.size();
    }
    return at;
  }

  // `next_ifd`: what the IFD says comes after it.
  Bytes build(std::uint64_t next_ifd = 0) const {
    Bytes out = to_bytes({big_endian_ ? 'M' : 'I', big_endian_ ? 'M' : 'I'});
    put(out, big_tiff_ ? 43 : 42, 2);
    if (big_tiff_) {
      put(out, 8, 2);
      put(out, 0, 2);
    }
    put(out, ifd_offset(), word());
    for (const auto& strip : strips_) {
      out.insert(out.end(), strip.begin(), strip.end());
    }
    put_ifd(out, next_ifd);
    return out;
  }

private:
  unsigned word() const { return big_tiff_ ? 8 : 4; }
  std::uint64_t header_size() const { return big_tiff_ ? 16 : 8; }

  void put(Bytes& out, std::uint64_t value, unsigned n_bytes) const {
    for (unsigned i = 0; i < n_bytes; ++i) {
      const unsigned shift = 8 * (big_endian_ ? n_bytes - 1 - i : i);
      out.push_back(static_cast<std::byte>(value >> shift));
    }
  }

  void place_strips(std::uint16_t offsets_tag, std::uint16_t counts_tag) {
    std::vector<std::uint64_t> offsets;
    std::vector<std::uint64_t> counts;
    std::uint64_t at = header_size();
    for (const auto& strip : strips_) {
      offsets.push_back(strip.empty() ? 0 : at);
      counts.push_back(strip.size());
      at += strip.size();
    }
    set(offsets_tag, offsets).set(counts_tag, counts);
  }

  // Values of a tag are LONGs, in BigTIFF LONG8s, behind the IFD where they are more than one.
  void put_ifd(Bytes& out, std::uint64_t next_ifd) const {
    constexpr std::uint64_t kLong = 4;
    constexpr std::uint64_t kLong8 = 16;
    const std::uint64_t entry = big_tiff_ ? 20 : 12;
    std::uint64_t values_at = out.size() + (big_tiff_ ? 8 : 2) + tags_.size() * entry + word();
    put(out, tags_.size(), big_tiff_ ? 8 : 2);
    for (const auto& [tag, values] : tags_) {
      put(out, tag, 2);
      put(out, big_tiff_ ? kLong8 : kLong, 2);
      put(out, values.size(), word());
      if (values.size() == 1) {
        put(out, values.front(), word());
      } else {
        put(out, values_at, word());
        values_at += values.size() * word();
      }
    }
    put(out, next_ifd, word());
    for (const auto& [tag, values] : tags_) {
      for (const auto value : values.size() == 1 ? std::vector<std::uint64_t>{} : values) {
        put(out, value, word());
      }
    }
  }

  bool big_endian_;
  bool big_tiff_;
  std::map<std::uint16_t, std::vector<std::uint64_t>> tags_;
  std::vector<Bytes> strips_;
};

} // namespace kinfast::test
