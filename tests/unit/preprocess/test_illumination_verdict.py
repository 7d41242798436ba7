"""The verdict: both numbers on held-out wells, and a fall-back where correction does not help."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from kinfast.preprocess.illumination.estimate import METHODS, fit_illumination
from kinfast.preprocess.illumination.verdict import judge, part_units

Make = Callable[..., tuple[NDArray[np.float32], NDArray[np.float64]]]
WELLS = [f"B{1 + i // 4:02d}" for i in range(48)]


def log_rms(field: NDArray[np.float64]) -> float:
    logs = np.log(field)
    return float(np.sqrt(np.mean((logs - logs.mean()) ** 2)))


def test_shading_before_is_the_planted_one_and_little_is_left(make_thumbnails: Make) -> None:
    thumbnails, field = make_thumbnails(48, 25, 100.0, seed=1)
    found = fit_illumination(thumbnails, 100.0, wells=WELLS)
    assert found.helped
    assert found.judged.units == 12
    assert found.judged.before == pytest.approx(
        log_rms(field), rel=0.15
    )  # blocks of 6 cells see the border's ends less
    assert found.judged.after < 0.2 * found.judged.before
    assert found.judged.gain_low > 0.5 * log_rms(field)
    assert found.verdict.startswith("corrected: contrast")


def test_wells_are_judged_by_the_field_of_the_others(make_thumbnails: Make) -> None:
    thumbnails, field = make_thumbnails(48, 25, 0.0, seed=2)
    units = part_units(WELLS, 48)
    right, wrong = field.astype(np.float32), np.flip(field).astype(np.float32) ** 3
    lit = np.where((units % 2 == 0)[:, None, None], thumbnails, thumbnails / field * wrong).astype(np.float32)
    crossed = judge(lit, 0.0, (wrong, right), units, {})  # the even wells' light is `right`: fitted on the odd ones
    own = judge(lit, 0.0, (right, wrong), units, {})
    assert crossed.after < 0.2 * own.after


def test_even_light_is_not_corrected_and_both_numbers_are_given(make_thumbnails: Make) -> None:
    lit, field = make_thumbnails(32, 40, 0.0, seed=4)
    found = fit_illumination((lit / field).astype(np.float32), 0.0)
    assert not found.helped
    assert (found.flatfield == 1).all()
    assert found.verdict.startswith("dark offset only: ")
    facts = found.judged.as_json()
    assert facts["shading_before"] is not None
    assert facts["shading_after"] is not None
    assert facts["shading_gain_low"] <= 0.01


def test_light_that_no_other_well_shares_is_not_corrected(make_thumbnails: Make) -> None:
    """What one half of the wells learns is wrong for the other."""
    lit, field = make_thumbnails(32, 25, 0.0, seed=5)
    tilt = np.exp(0.3 * np.linspace(-0.5, 0.5, lit.shape[2]))
    turned = np.where((np.arange(32) % 2 == 0)[:, None, None], tilt, 1 / tilt)
    found = fit_illumination((lit / field * turned).astype(np.float32), 0.0)
    assert not found.helped
    assert found.judged.gain_high < 0


def test_joint_variation_is_given_for_each_class_of_wells(make_thumbnails: Make) -> None:
    thumbnails, _ = make_thumbnails(48, 25, 100.0, seed=6, bright=600.0)
    control = np.arange(48) % 3 == 0
    pairs = fit_illumination(thumbnails, 100.0, wells=WELLS, control=control).judged.joint_variation
    assert list(pairs) == ["negative controls", "other wells"]
    assert all(0 < after < before for before, after in pairs.values())


@pytest.mark.parametrize("method", [name for name in METHODS if name != "none"])
def test_every_method_finds_most_of_a_strong_field(make_thumbnails: Make, method: str) -> None:
    cells = 25 if method == "basic" else 60  # sixty cover most of an image, and BaSiC's cells are sparse
    thumbnails, field = make_thumbnails(96, cells, 100.0, seed=7)
    found = fit_illumination(thumbnails, 100.0, method)
    error = found.flatfield / field - 1
    assert found.method == method
    assert found.flatfield.mean() == pytest.approx(1, abs=1e-4)
    assert float(np.sqrt(np.mean(error**2))) < 0.6 * float(field.std())


def test_a_method_by_name_is_used_whatever_the_verdict(make_thumbnails: Make) -> None:
    lit, field = make_thumbnails(12, 40, 0.0, seed=8)
    found = fit_illumination((lit / field).astype(np.float32), 0.0, "gaussian")
    assert found.helped
    assert found.verdict.startswith("corrected as asked, though ")
    assert found.flatfield.std() > 0
