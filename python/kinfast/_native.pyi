"""The native core's face. Shapes: H, W raw; h, w stored; C channels; n sites."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__version__: str

class TiffError(ValueError): ...
class FormatError(TiffError): ...
class UnsupportedError(TiffError): ...
class LimitsError(TiffError): ...
class IoError(OSError): ...

# ---- TIFF ------------------------------------------------------------------------------------------

class ImageInfo:
    """What one page says of itself."""

    shape: tuple[int, ...]
    dtype: str
    """NumPy's name: uint16, float32."""
    pages: int
    bits: int
    samples: int
    compression: str
    """none, packbits, lzw, deflate, zstd."""
    predictor: int
    photometric: str
    tiled: bool
    big_tiff: bool
    byte_order: Literal["little", "big"]
    pixel_um: float | None
    """From ImageDescription/OME/MetaMorph/resolution tags where known, else None."""

def read_info(source: str | bytes, page: int) -> ImageInfo: ...
def decode(source: str | bytes, page: int, out: NDArray[Any] | None) -> NDArray[Any]: ...
def decode_many(sources: Sequence[str | bytes], threads: int) -> list[NDArray[Any] | Exception]: ...

# ---- machine ---------------------------------------------------------------------------------------

def active_isa() -> Literal["scalar", "avx2", "avx512"]:
    """The fastest that runs here, or what the environment variable KINFAST_FORCE_ISA names; all give the same bytes.

    Raises ValueError, as every kernel does, where KINFAST_FORCE_ISA names what does not run here.
    """

def available_isas() -> list[str]: ...

# ---- kernels, each callable alone ------------------------------------------------------------------
# Arrays are taken as they are: another dtype than the stated one, or another order than C, is a TypeError.

def hash_bytes(data: bytes | NDArray[Any]) -> int:
    """XXH3 of 64 bits without a seed; of up to 240 bytes XXH64 (xxhash's published specification)."""

def max_project(planes: Sequence[NDArray[np.uint16]]) -> NDArray[np.uint16]: ...
def expand_field(grid: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Bilinear interpolation of a (gh, gw) grid of cell centres to (H, W); edges are held.

    Pixel x has its centre at (x + 0.5) * gw / W - 0.5 cells. Along x first, then along y, each time
    a + (b - a) * t in float32.
    """

def correct(
    raw: NDArray[np.uint16], flatfield: NDArray[np.float32], darkfield: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(raw - darkfield) / flatfield, (H, W) float32, below zero kept. Both fields are grids.

    The flat-field's cells are inverted before they are expanded, and pixels multiplied by what comes of it; the
    dark-field is expanded as it is. Raises ValueError where a flat-field cell or its reciprocal is not a finite number
    above zero, or a dark-field cell is not finite.
    """

def area_resize(image: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Mean over each output pixel's exact area. Never enlarges: ValueError.

    Down the columns in float32, then along the rows in double, from top and left; rounded once.
    """

def quantise(image: NDArray[np.float32], low: float, high: float) -> NDArray[np.uint8]:
    """(image - low) * (255 / (high - low)) in float32, clipped to 0 … 255, rounded half to even; NaN gives 0.

    Raises ValueError unless low < high, as float32, both finite.
    """

class SiteStatistics:
    """Of one raw (H, W) uint16 image; counts unless said. std is the population's."""

    minimum: int
    maximum: int
    mean: float
    std: float
    percentiles: NDArray[np.float64]
    """At `STATISTIC_PERCENTILES`, from the exact 16-bit histogram: NumPy's 'lower' method."""
    saturated_fraction: float
    """Share of pixels at or above `saturation_value`."""
    focus: float
    """Mean squared angular frequency along the rows (radians² per 2 × 2 binned pixel), weighted by slope energy.

    A blur of s binned pixels brings it to the order of 1 / s². Sharp fields of cells lie around 0.1 to 1, out-of-focus
    ones below a third of their plate's median. Neither gain, offset, pixel noise nor the number of cells moves it: it
    is the sum of products of second differences over that of central differences, times 4, and each product takes its
    factors from two neighbouring rows, which share no noise. Two standard errors of what noise may add are taken off;
    0 where no structure stands out from noise. Levels are cut at the 0.1st and the 99.9th percentile of every n-th row,
    n = H // 64 (1 at least).
    """
    noise: float
    """Standard deviation of a pixel, counts, from what neighbouring rows do not share."""
    level_step: int
    """Smallest distance of two levels that occur between the 1st and the 99th percentile: 1 for what a camera gave, 16
    for 12 bits blown up to 16; 0 for fewer than two levels."""

STATISTIC_PERCENTILES: tuple[float, ...]

def statistics(raw: NDArray[np.uint16], saturation_value: int) -> SiteStatistics: ...
def histogram(raw: NDArray[np.uint16]) -> NDArray[np.uint32]:
    """(65536,) pixels per level."""

def count_nuclei(image: NDArray[np.float32], threshold: float, min_area: int) -> tuple[int, int]:
    """(nuclei with their centre in the field, pixels of all components above threshold of at least min_area pixels).

    Touching nuclei are told apart by the summits of the distance to the rim, smoothed over a quarter of the radius that
    the image itself shows; a summit swallows lower ones within 0.8 radii.
    """

def detail(image: NDArray[np.float32]) -> float:
    """Variance at scales of 1 and 2 pixels over that at 4 and 8 (Haar wavelets): high for a sharp (h, w) image.

    Gain, offset and the number of objects cancel. 0 where there is no structure, or under 16 pixels a side.
    """

def gather_sites(
    store: NDArray[np.uint8],
    indices: NDArray[np.int64],
    channels: NDArray[np.int64],
    out: NDArray[np.uint8],
    threads: int,
) -> None:
    """out[i, ..., j] = store[indices[i], ..., channels[j]]; out is (len(indices), h, w, len(channels)).

    Raises IndexError for a site or channel that is not there (negative ones included), before anything is written.
    """

# ---- illumination: BaSiC ---------------------------------------------------------------------------

class BasicFitter:
    """image = baseline * flatfield + darkfield + sparse rest, in passes over the images; see basic.hpp. Not for two
    threads at once.

    A pass is `begin_pass`, `add` of each image, `end_pass`; the first only looks for the images' level. Raises
    ValueError for a grid of fewer than 2 x 2 cells."""

    flatfield: NDArray[np.float32]
    """(height, width), mean 1, above 0."""
    darkfield: NDArray[np.float32]
    """(height, width) counts, 0 or above; 0 everywhere unless asked for."""
    state_bytes: int
    """Of all that it keeps, whatever the number of images."""
    def __init__(self, height: int, width: int, darkfield: bool) -> None: ...
    def begin_pass(self) -> None: ...
    def add(self, image: NDArray[np.float32]) -> None:
        """image: (height, width) counts. Raises ValueError for another shape or a count that is not finite."""

    def end_pass(self) -> bool:
        """Solve; True where another pass would hardly change the fields. Raises RuntimeError without images."""

# ---- illumination: the field of greatest likelihood -------------------------------------------------

def climb_likelihood(
    logs: NDArray[np.float32],
    basis: NDArray[np.float64],
    inverse: NDArray[np.float64],
    bandwidths: Sequence[float],
    levels: NDArray[np.float32],
    terms: NDArray[np.float64],
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """One scoring step for each bandwidth, from (levels, terms) on; see likelihood.hpp.

    logs: (n, cells); basis: (cells, terms) without a constant; inverse: of its Gram matrix; levels: (n,).
    Raises ValueError where shapes do not fit together."""

def image_pulls(
    logs: NDArray[np.float32],
    basis: NDArray[np.float64],
    inverse: NDArray[np.float64],
    bandwidth: float,
    levels: NDArray[np.float32],
    terms: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(n, terms): what each image alone would move the terms by, times the information; as `climb_likelihood`."""

# ---- illumination: pass one ------------------------------------------------------------------------

class FieldSample:
    """What pass one keeps of one plate x channel, from a sample of sites. Integer sums: threads cannot change them."""

    shape: tuple[int, int]
    """(H, W) of the raw images that went in; (0, 0) if none did."""
    n_images: int
    grid_mean: NDArray[np.float64]
    """(gh, gw) mean raw counts over images and grid cell."""
    pixel_min: NDArray[np.float64]
    """(gh, gw) smallest grid-cell mean over images: a floor for the dark offset."""
    thumbnails: NDArray[np.float32]
    """(n_images, gh, gw) each image's grid-cell means, in the order of `sources`; failed ones left out."""
    samples: NDArray[np.uint16]
    """(n_images, sh, sw) every `stride`-th raw pixel, for windows and thresholds after correction."""
    failed: list[tuple[int, str]]
    """(index into sources, reason) of what could not be read."""

def sample_field(
    sources: Sequence[Sequence[str]], grid_side: int, stride: int, shape: tuple[int, int] | None, threads: int
) -> FieldSample:
    """Decode each source (its planes max-projected) and sum it up. grid_side: cells along the shorter side.

    Cell i of g covers pixels i * n // g up to (i + 1) * n // g. Without a shape, what most of the readable sources
    are is wanted of all; sources of another shape are among the failed.
    """

# ---- site: pass two, fused -------------------------------------------------------------------------

class ChannelPlan:
    """How one channel of a plate is processed; the same for all its sites."""

    def __init__(
        self,
        *,
        flatfield: NDArray[np.float32],
        darkfield: NDArray[np.float32],
        low: float,
        high: float,
        saturation_value: int,
        nuclei_threshold: float | None = None,
        nuclei_min_area: int = 0,
    ) -> None:
        """flatfield, darkfield: (gh, gw) grids as `expand_field` takes them. nuclei_threshold, nuclei_min_area: of the
        corrected image at the stored size, in counts and stored pixels. Raises ValueError for an empty window
        (low >= high) and a flat-field that is not above zero."""

class ChannelResult:
    """Of one channel of one site. `error` is empty when all went well, else the reason in one line, and the rest is 0.

    error_path is the file at fault, and empty where a channel has no file at all; `error` does not repeat it.
    """

    error: str
    error_path: str
    statistics: SiteStatistics
    corrected_mean: float
    """Of the corrected image at the stored size, before quantisation, counts; so is corrected_std."""
    corrected_std: float
    detail: float
    """Of the same image; see `detail`."""
    bits: int
    """Of a sample in the files, the largest of the planes'."""
    nuclei: int
    """See `count_nuclei`; -1 where no nuclei_threshold was given."""
    nuclei_pixels: int
    file_hash: int
    """`hash_bytes` of the planes' files, one after the other."""
    pixel_hash: int
    """`hash_bytes` of the projected raw pixels."""

def process_sites(
    sites: Sequence[Sequence[Sequence[str]]],
    plans: Sequence[ChannelPlan],
    shape: tuple[int, int],
    out: NDArray[np.uint8],
    threads: int,
) -> list[list[ChannelResult]]:
    """Decode, project, correct, resize, quantise and judge sites in one pass, without the GIL.

    sites: n sites x C channels x planes (paths; the first page of each file). shape: (H, W) every image must have.
    out: (n, h, w, C) uint8, C order. A site with any error leaves zeros in its row of out.
    Grey 8-bit images are widened to 16; other types than 8/12/16-bit grey or palette are an error of that channel.
    """
