"""Windows by plate, by batch and by hand."""

from statistics import NormalDist

import numpy as np
import pytest

from kinfast.config import PreprocessConfig
from kinfast.errors import UsageError
from kinfast.preprocess.intensity import Levels, fit_levels
from kinfast.preprocess.windows import choose_window, fit_reference, parse_windows, settle_windows

CHANNELS = ("DNA", "ER")


def draw_images(gain: float, background: float, n_cells: int, seed: int) -> np.ndarray:
    """(40, 64, 64) float32: `n_cells` squares of 64 pixels and brightness 1000 x gain on an even background."""
    rng = np.random.default_rng(seed)
    images = rng.normal(background, 3, (40, 64, 64))
    for image in images:
        for place in rng.choice(64, n_cells, replace=False):
            y, x = divmod(int(place), 8)
            image[8 * y : 8 * y + 8, 8 * x : 8 * x + 8] += 1000 * gain
    return images.astype(np.float32)


@pytest.mark.parametrize("n_cells", [2, 8, 30])
def test_location_and_scale_are_of_the_light_and_not_of_the_cells(n_cells: int) -> None:
    levels = fit_levels(draw_images(0.7, 150, n_cells, n_cells), True)
    # a hundredth of all pixels is a somewhat larger share of the background, a normal of 150 and 3 counts
    assert levels.location == pytest.approx(NormalDist(150, 3).inv_cdf(0.01 / (1 - n_cells / 64)), abs=0.1)
    # the background adds some 7 counts a pixel to the lower sum: with two cells of 64 places 7/(707 x 2/64) of it
    assert levels.scale == pytest.approx(707, rel=0.18 if n_cells == 2 else 0.05)
    assert (levels.n_images, levels.of_controls) == (40, True)


def test_a_hot_pixel_does_not_make_the_scale() -> None:
    images = draw_images(1, 100, 8, 0)
    calm = fit_levels(images, True).scale
    images[3, 5, 5] = 60_000
    assert fit_levels(images, True).scale == pytest.approx(calm, rel=0.01)  # one pixel of 163840 is cut to the rest


@pytest.mark.parametrize("images", [np.empty((0, 4, 4), np.float32), np.full((5, 4, 4), 7, np.float32)])
def test_where_nothing_stands_out_there_is_no_scale(images: np.ndarray) -> None:
    assert fit_levels(images, False).scale == 0


def of(location: float, scale: float, of_controls: bool = True) -> dict[str, Levels]:
    return {"DNA": Levels(location, scale, 9, of_controls)}


def test_a_batch_puts_controls_on_the_same_levels() -> None:
    config = PreprocessConfig(intensity="batch")
    plates = [(of(100, 1000), (80.0, 1600.0)), (of(220, 500), (215.0, 1010.0)), (of(90, 2000), (40.0, 3100.0))]
    reference = fit_reference([p[0] for p in plates], [{"DNA": p[1]} for p in plates])
    # in scales from the location the windows are (-.02, 1.5), (-.01, 1.58) and (-.025, 1.505): the middle one counts
    assert reference == {"DNA": (-0.02, 1.505)}
    for levels, own in plates:
        low, high = choose_window(config, reference, "DNA", levels["DNA"], own)
        level = 255 * (levels["DNA"].location + 0.4 * levels["DNA"].scale - low) / (high - low)
        assert level == pytest.approx(255 * 0.42 / 1.525, abs=0.01)  # edges are rounded to 0.01 of 800 counts


def test_plates_without_controls_do_not_set_a_reference_that_others_can() -> None:
    plates = [of(0, 100), of(0, 100, False), of(0, 0)]
    windows = [{"DNA": (0.0, 200.0)}, {"DNA": (0.0, 900.0)}, {"DNA": (0.0, 1.0)}]
    assert fit_reference(plates, windows) == {"DNA": (0, 2)}
    assert fit_reference(plates[1:], windows[1:]) == {"DNA": (0, 9)}
    assert fit_reference(plates[2:], windows[2:]) == {}
    batch = PreprocessConfig(intensity="batch")
    assert choose_window(batch, {}, "DNA", plates[2]["DNA"], (3.0, 4.0)) == (3, 4)  # its own, for want of another


def test_windows_by_hand() -> None:
    assert parse_windows(["DNA=100:4000, ER=-3:2e3"]) == {"DNA": (100, 4000), "ER": (-3, 2000)}
    for text in ("DNA", "DNA=1", "DNA=1:x", "=:"):
        with pytest.raises(UsageError, match="wanted CHANNEL=LOW:HIGH"):
            parse_windows([text])


def test_fixed_windows_are_settled_once_for_all_channels() -> None:
    config = PreprocessConfig(intensity="fixed", windows=(("ER", 0.0, 50.0),))
    settled = settle_windows(config, CHANNELS, {"DNA": (1, 9), "ER": (1, 9)})
    assert settled.windows == (("DNA", 1.0, 9.0), ("ER", 0.0, 50.0))  # the command line comes before the spec
    assert choose_window(settled, {}, "ER", Levels(5, 5, 3, True), (1.0, 2.0)) == (0, 50)
    plain = PreprocessConfig()
    assert settle_windows(plain, CHANNELS, {"DNA": (1, 9)}) == plain


@pytest.mark.parametrize(
    ("intensity", "windows", "words"),
    [
        ("magic", (), "'magic': wanted one of plate, batch, fixed"),
        ("plate", (("DNA", 0, 1),), "--intensity is plate: wanted fixed"),
        ("fixed", (("DNA", 0, 1),), "no window for ER; give --window ER=LOW:HIGH"),
        ("fixed", (("DNA", 0, 1), ("ER", 4, 4)), "window of ER: 4 to 4: wanted a rising pair"),
        ("fixed", (("DNA", 0, 1), ("ER", 4, float("nan"))), "wanted a rising pair"),
        ("fixed", (("DNA", 0, 1), ("ER", 4, 5), ("RNA", 1, 2)), "RNA is no channel"),
    ],
)
def test_windows_that_do_not_hold(intensity: str, windows: tuple[tuple[str, float, float], ...], words: str) -> None:
    with pytest.raises(UsageError, match=words.replace("(", r"\(")):
        settle_windows(PreprocessConfig(intensity=intensity, windows=windows), CHANNELS, {})
