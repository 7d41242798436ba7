"""What must hold on every machine: one line a benchmark, in the order of the table in the README."""

from dataclasses import dataclass

FASTEST = "the fastest of tifffile, libtiff (imagecodecs) and OpenCV"
USUAL_SITE = "tifffile, NumPy and OpenCV doing the same"
USUAL_PLATE = "two processes of tifffile, mean image, Gaussian, percentiles, Laplacian, `INTER_AREA`, `np.save`"
TWO_PROCESSES = "two independent processes"


@dataclass(frozen=True, slots=True)
class Floor:
    """What a benchmark's ratio may be.

    Attributes:
        against: the other side, in words.
        at_least: the lowest ratio, where more is better.
        at_most: the highest, where less is better.
        absolute: the figure is one of this machine alone (seconds, megabytes): no baseline is kept of it.
    """

    against: str
    at_least: float | None = None
    at_most: float | None = None
    absolute: bool = False

    def holds(self, ratio: float) -> bool:
        """Tell whether a ratio is on the right side."""
        return (self.at_least is None or ratio >= self.at_least) and (self.at_most is None or ratio <= self.at_most)

    def fell(self, ratio: float, before: float, share: float) -> bool:
        """Tell whether a ratio is worse than one before by more than a share of it."""
        if self.absolute:
            return False
        return ratio < (1 - share) * before if self.at_least is not None else ratio > before / (1 - share)

    @property
    def words(self) -> str:
        """The bound in words."""
        return f"at least {self.at_least:g}" if self.at_least is not None else f"at most {self.at_most:g}"


def _decoding() -> dict[str, Floor]:
    floors = {}
    for strips in ("many strips", "one strip"):
        floors[f"imread LZW, {strips}"] = Floor(FASTEST, at_least=1.7)
        floors[f"imread LZW + predictor, {strips}"] = Floor(FASTEST, at_least=2.3)
        for codec in ("Deflate", "Deflate + predictor", "Zstd", "Zstd + predictor"):
            floors[f"imread {codec}, {strips}"] = Floor(FASTEST, at_least=1.05)
    return floors


FLOORS: dict[str, Floor] = {
    **_decoding(),
    "imread uncompressed": Floor(FASTEST, at_least=1.2),
    "imread uncompressed, times as long as": Floor("one `pread` of the file", at_most=1.15),
    "fused pass uncompressed": Floor(USUAL_SITE, at_least=8),
    "fused pass Deflate": Floor(USUAL_SITE, at_least=2.7),
    "fused pass LZW": Floor(USUAL_SITE, at_least=4.5),
    "fused pass uncompressed, times as long as": Floor("reading the bytes and adding them up once, in C", at_most=4),
    **{
        f"two threads, {what}": Floor(TWO_PROCESSES, at_least=0.95)
        for what in ("imread uncompressed", "imread LZW", "imread LZW + predictor", "imread Deflate", "imread Zstd")
    },
    "two threads, fused pass": Floor(TWO_PROCESSES, at_least=0.95),
    "preprocess 60 x 5 LZW, times as long as": Floor("its native calls alone, one thread", at_most=1.25),
    "preprocess 60 x 5 uncompressed, times as long as": Floor("its native calls alone, one thread", at_most=1.25),
    "preprocess 20 x 5 LZW, two cores": Floor(USUAL_PLATE, at_least=4.5),
    "preprocess 20 x 5 uncompressed, two cores": Floor(USUAL_PLATE, at_least=3.5),
    "open 200,000 paths, seconds": Floor("4 s of processor time", at_most=4, absolute=True),
    "open 200,000 paths, times as long as": Floor("100,000 paths", at_most=2.3),
    "peak memory of preprocess": Floor("400 MB and two sites a thread", at_most=1, absolute=True),
    "peak memory of 20 plates, times as much as": Floor("one plate", at_most=1.1),
    "gather_sites, whole sites": Floor("`np.copyto` of the same bytes", at_least=0.9),
    "gather_sites, 3 of 5 channels": Floor("`np.copyto` of the sites gathered from", at_least=0.9),
    "gather_sites, against NumPy's indexing": Floor("`store[sites][..., channels]`, 3 of 5 channels", at_least=3),
    "gather_sites, against torch's DataLoader": Floor("sites one by one and collated, no workers", at_least=3),
    "loader on PyTorch, of a step's time": Floor(
        "a step of two-stream MobileNetV2, the processor's time", at_most=0.05
    ),
    "loader on DALI, of a step's time": Floor("a step of two-stream MobileNetV2, the processor's time", at_most=0.05),
    "loader on PyTorch": Floor("DataLoader and torchvision, the same augmentation", at_least=1.3),
    "loader on DALI": Floor("DataLoader and torchvision, the same augmentation", at_least=1.0),
}
FELL = 0.2
"""Share of its baseline that a ratio may lose on the same kind of machine before that is an error."""
