#include "kinfast/site/sample.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "kinfast/parallel/parallel_for.hpp"
#include "kinfast/site/source.hpp"
#include "rows.hpp"

namespace kinfast {
namespace {

struct Sampling {
  std::size_t grid_side;
  std::size_t stride;
};

// What is kept of one image.
struct ImageSample {
  Shape shape;
  std::vector<std::uint64_t> cell_sums;
  std::vector<std::uint16_t> samples;
  std::string error; // empty where the image was read
};

std::size_t cell_begin(std::size_t cell, std::size_t cells, std::size_t pixels) {
  return cell * pixels / cells;
}

Shape grid_shape(Shape image, std::size_t grid_side) {
  const std::size_t shorter = std::min(image.height, image.width);
  const std::size_t side = std::min(grid_side, shorter);
  const auto cells = [&](std::size_t pixels) { return (pixels * side + shorter / 2) / shorter; };
  return {cells(image.height), cells(image.width)};
}

Shape sampled_shape(Shape image, std::size_t stride) {
  return {(image.height + stride - 1) / stride, (image.width + stride - 1) / stride};
}

std::size_t cell_pixels(Shape image, Shape grid, std::size_t row, std::size_t column) {
  return (cell_begin(row + 1, grid.height, image.height) -
          cell_begin(row, grid.height, image.height)) *
         (cell_begin(column + 1, grid.width, image.width) -
          cell_begin(column, grid.width, image.width));
}

std::vector<std::uint64_t> sum_cells(ImageView<const std::uint16_t> image, Shape grid) {
  // 32 bits hold the sum of 65537 pixels of a column.
  constexpr std::size_t kMostRows = 65537;
  const RowKernels& kernels = row_kernels();
  std::vector<std::uint64_t> sums(grid.pixels());
  std::vector<std::uint32_t> columns(image.shape.width);
  for (std::size_t cell_row = 0; cell_row < grid.height; ++cell_row) {
    std::size_t y = cell_begin(cell_row, grid.height, image.shape.height);
    const std::size_t end = cell_begin(cell_row + 1, grid.height, image.shape.height);
    while (y < end) {
      std::fill(columns.begin(), columns.end(), 0U);
      for (const std::size_t stop = std::min(end, y + kMostRows); y < stop; ++y) {
        kernels.add_row(image.row(y), columns.data(), columns.size());
      }
      for (std::size_t cell = 0; cell < grid.width; ++cell) {
        std::uint64_t& sum = sums[cell_row * grid.width + cell];
        const std::size_t right = cell_begin(cell + 1, grid.width, image.shape.width);
        for (std::size_t x = cell_begin(cell, grid.width, image.shape.width); x < right; ++x) {
          sum += columns[x];
        }
      }
    }
  }
  return sums;
}

std::vector<std::uint16_t> sample_pixels(ImageView<const std::uint16_t> image, std::size_t stride) {
  std::vector<std::uint16_t> samples;
  samples.reserve(sampled_shape(image.shape, stride).pixels());
  for (std::size_t y = 0; y < image.shape.height; y += stride) {
    const std::uint16_t* row = image.row(y);
    for (std::size_t x = 0; x < image.shape.width; x += stride) {
      samples.push_back(row[x]);
    }
  }
  return samples;
}

ImageSample sample_image(const std::vector<std::string>& planes, SourceReader& reader,
                         std::optional<Shape> shape, const Sampling& sampling) {
  try {
    const auto image = reader.read(planes, shape);
    return {image.shape, sum_cells(image, grid_shape(image.shape, sampling.grid_side)),
            sample_pixels(image, sampling.stride), ""};
  } catch (const SourceError& error) {
    const std::string where = error.path().empty() ? "" : error.path() + ": ";
    return {{}, {}, {}, where + error.what()};
  }
}

Shape most_common_shape(const std::vector<ImageSample>& images) {
  Shape best;
  std::ptrdiff_t best_count = 0;
  for (const ImageSample& candidate : images) {
    const auto count = std::count_if(images.begin(), images.end(), [&](const ImageSample& image) {
      return image.error.empty() && image.shape == candidate.shape;
    });
    if (candidate.error.empty() && count > best_count) {
      best = candidate.shape;
      best_count = count;
    }
  }
  return best;
}

void refuse_other_shapes(std::vector<ImageSample>& images, Shape shape) {
  for (ImageSample& image : images) {
    if (image.error.empty() && image.shape != shape) {
      image.error = "image is " + to_string(image.shape) + " pixels, most of the sample are " +
                    to_string(shape);
    }
  }
}

void add_thumbnail(const ImageSample& image, FieldSample& sample,
                   std::vector<std::uint64_t>& totals) {
  for (std::size_t cell = 0; cell < totals.size(); ++cell) {
    const auto pixels = static_cast<double>(
        cell_pixels(sample.shape, sample.grid, cell / sample.grid.width, cell % sample.grid.width));
    const double mean = static_cast<double>(image.cell_sums[cell]) / pixels;
    totals[cell] += image.cell_sums[cell];
    sample.pixel_min[cell] = std::min(sample.pixel_min[cell], mean);
    sample.thumbnails.push_back(static_cast<float>(mean));
  }
}

FieldSample summarise(const std::vector<ImageSample>& images, Shape shape,
                      const Sampling& sampling) {
  FieldSample sample;
  sample.shape = shape;
  if (shape.pixels() > 0) {
    sample.grid = grid_shape(shape, sampling.grid_side);
    sample.sampled = sampled_shape(shape, sampling.stride);
  }
  sample.pixel_min.assign(sample.grid.pixels(), INFINITY);
  std::vector<std::uint64_t> totals(sample.grid.pixels());
  for (std::size_t i = 0; i < images.size(); ++i) {
    if (!images[i].error.empty()) {
      sample.failed.emplace_back(i, images[i].error);
      continue;
    }
    ++sample.n_images;
    add_thumbnail(images[i], sample, totals);
    sample.samples.insert(sample.samples.end(), images[i].samples.begin(), images[i].samples.end());
  }
  for (std::size_t cell = 0; cell < totals.size(); ++cell) {
    const auto pixels = static_cast<double>(
        sample.n_images *
        cell_pixels(shape, sample.grid, cell / sample.grid.width, cell % sample.grid.width));
    sample.grid_mean.push_back(static_cast<double>(totals[cell]) / pixels);
  }
  return sample;
}

} // namespace

FieldSample sample_field(const std::vector<std::vector<std::string>>& sources,
                         std::size_t grid_side, std::size_t stride, std::optional<Shape> shape,
                         int threads) {
  if (grid_side == 0 || stride == 0) {
    throw std::invalid_argument("grid_side " + std::to_string(grid_side) + " and stride " +
                                std::to_string(stride) + ": wanted at least 1");
  }
  const Sampling sampling{grid_side, stride};
  std::vector<ImageSample> images(sources.size());
  std::vector<SourceReader> readers(static_cast<std::size_t>(std::max(threads, 1)));
  parallel_for(sources.size(), threads, [&](std::size_t index, std::size_t worker) {
    images[index] = sample_image(sources[index], readers[worker], shape, sampling);
  });
  const Shape found = most_common_shape(images);
  refuse_other_shapes(images, found);
  return summarise(images, found, sampling);
}

} // namespace kinfast
