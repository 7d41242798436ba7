// BaSiC: a flat-field and a dark-field from images whose cells are sparse, image by image.
#pragma once

#include <cstddef>
#include <vector>

#include "kinfast/illumination/waves.hpp"
#include "kinfast/image/view.hpp"

namespace kinfast {

// Fits image = baseline * flatfield + darkfield + sparse rest, the baseline one number an image.
//
// Peng et al. 2017 (doi 10.1038/ncomms14836) minimise the rest's reweighted L1 norm plus the L1
// norms of the fields' cosine waves, with all images held (augmented Lagrangian). Here the same
// kind of objective is minimised in passes over the images, by weighted least squares:
//  - the rest counts as the paper's reweighting makes it count, sum of log(|rest| / baseline +
//    0.1): a cell of a grid weighs 1 / ((e + 0.1) (e + 0.02)), e = |rest| / baseline, in the
//    baseline and in both fields. The first passes have larger numbers there, halved from pass to
//    pass: as the paper begins without reweighting, lest the first guess choose what is a cell;
//  - the waves' threshold is taken from the noise of the fields themselves, not from the mean
//    image by a fixed factor, so it falls as images come in.
// What it keeps is a few numbers a pixel, whatever the number of images. Same images in the same
// order give the same bytes.
class BasicFitter {
public:
  // darkfield: false: images have had their offset subtracted, and it stays 0.
  // Throws std::invalid_argument where a side has fewer than 2 cells.
  BasicFitter(Shape grid, bool darkfield);

  // Ahead of each pass over all the images. The first pass only looks for their level.
  void begin_pass();
  // Throws std::invalid_argument where the shape is not the fitter's, or a count is not finite.
  void add(ImageView<const float> image);
  // Solves for the fields; true where another pass would hardly change them, see kTolerance.
  // Throws std::logic_error where no image was added.
  bool end_pass();

  Shape grid() const { return grid_; }
  const std::vector<double>& flatfield() const { return flat_; } // mean 1, above 0
  const std::vector<double>& darkfield() const { return dark_; } // counts, 0 or above
  std::size_t state_bytes() const;                               // of all that it keeps

private:
  // Weighted sums over the images of a pass, of one pixel; b the baseline, I the image.
  struct Sums {
    double one = 0, b = 0, bb = 0, i = 0, bi = 0;
  };
  double weight(double rest, double base) const;
  double baseline(ImageView<const float> image);
  void solve_darkfield();
  void solve_flatfield();

  Shape grid_;
  bool with_dark_;
  CosineWaves waves_;
  std::vector<double> flat_, dark_;
  std::vector<Sums> sums_;
  std::vector<double> light_, scratch_; // of the image at hand
  double level_ = 0, darkest_ = 0;      // mean and smallest count of all images
  double level_sum_ = 0;
  double cell_ = 0, noise_ = 0; // of this pass' weights, see kCell and kNoise
  std::size_t added_ = 0, passes_ = 0;
};

} // namespace kinfast
