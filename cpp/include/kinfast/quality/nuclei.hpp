// Counting nuclei, touching ones one by one, without a trained model.
//
// A nucleus is round enough that the distance to its rim has one summit. So: pixels above the
// threshold, in 8-connected components of at least `min_area`; the chamfer distance to the rim
// (Borgefors 1986, CVGIP 34:344; weights 5 and 7); a binomial smoothing that is as wide as a
// quarter of a nucleus' radius, which the image itself tells (a disc's mean distance to its rim is
// a third of its radius); summits, of which a higher one swallows the lower ones of its component
// within 0.8 radii. Where the distance is largest on the image's outermost pixels, the centre
// lies outside: it is not counted, so that a field does not seem to hold more than its area does.
// All sums are of integers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kinfast/image/view.hpp"

namespace kinfast {

struct NucleusCount {
  std::size_t nuclei = 0; // with their centre in the field
  std::size_t pixels = 0; // above the threshold, in components that are large enough
};

// Counts in the same memory, image after image. One thread at a time.
class NucleusCounter {
public:
  NucleusCount count(ImageView<const float> image, float threshold, std::size_t min_area);

private:
  struct Summit {
    std::int32_t height;
    std::uint32_t pixel;
  };

  std::size_t find_components(ImageView<const float> image, float threshold, std::size_t min_area);
  void flood(std::uint32_t seed, std::uint32_t label);
  void measure_distance();
  double radius(std::size_t pixels) const;
  void smooth(double radius);
  void find_summits();
  std::size_t count_apart(double radius);
  bool is_centre_outside(std::uint32_t summit, double reach) const;
  bool is_outermost(std::uint32_t pixel) const;

  Shape shape_;
  std::vector<std::uint32_t> labels_; // 0: background
  std::vector<std::uint32_t> stack_;  // of pixels, as offsets
  std::vector<std::int32_t> distance_;
  std::vector<std::int32_t> unsmoothed_;
  std::vector<std::int32_t> scratch_;
  std::vector<Summit> summits_;
  std::vector<Summit> taken_;
};

} // namespace kinfast
