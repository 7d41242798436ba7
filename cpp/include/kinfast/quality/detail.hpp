// How much of an image's structure is fine: a second measure of focus.
#pragma once

#include "kinfast/image/view.hpp"

namespace kinfast {

// The variance at scales of 1 and 2 pixels over that at 4 and 8 pixels, where the variance at a
// scale is what Haar's wavelets hold of it: the mean square of 2 x 2 means minus that of the means
// of four of them. Gain, offset and the number of objects cancel; a blur takes the fine scales
// first. The idea is the power spectrum's slope (Field and Brady 1997, Vision Research 37:3367;
// CellProfiler's PowerLogLogSlope). 0 where there is no structure, or under 16 pixels a side.
// Added up row by row in double: one order, whatever the machine.
double detail(ImageView<const float> image);

} // namespace kinfast
