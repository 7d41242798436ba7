"""Light that changes within a plate: found where it does, not where it does not, and corrected by fields of groups."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from kinfast.preprocess.illumination.change import Change, find_change
from kinfast.preprocess.illumination.light import Light, correct_samples, fit_light
from kinfast.preprocess.illumination.parts import group_wells, row_parts, stretches

Grid = NDArray[np.float32]
Make = Callable[..., tuple[Grid, NDArray[np.float64]]]
ROWS = "BCDEFG"
WELLS = [f"{row}{column:02d}" for row in ROWS for column in range(2, 10) for _ in range(2)]
OFFSET = 100.0


def turn_with_rows(thumbnails: Grid, field: NDArray[np.float64], tilt: float) -> tuple[Grid, dict[str, Grid]]:
    """Tilt each row's light in a direction of its own, by an RMS of tilt / sqrt(3); give the rows' fields, too."""
    across = np.linspace(-1, 1, field.shape[0])
    fields = {}
    for k, row in enumerate(ROWS):
        angle = 2 * np.pi * k / len(ROWS)
        lit = field * np.exp(tilt * (np.cos(angle) * across[None] + np.sin(angle) * across[:, None]))
        fields[row] = (lit / lit.mean()).astype(np.float32)
    ratio = np.stack([fields[well[0]] / field for well in WELLS])
    return ((thumbnails - OFFSET) * ratio + OFFSET).astype(np.float32), fields


def fit(thumbnails: Grid, kind: str) -> Light:
    control = np.zeros(len(WELLS), bool)
    return fit_light(thumbnails, OFFSET, "auto", WELLS, control, group_wells(kind, WELLS, WELLS))


def error_of(light: Light, fields: dict[str, Grid]) -> float:
    errors = [np.mean((light.of(row).flatfield / field - 1) ** 2) for row, field in fields.items()]
    return float(np.sqrt(np.mean(errors)))


@pytest.mark.parametrize(("cells", "tilt"), [(4, 0.02), (25, 0.05), (60, 0.2)])
def test_light_that_turns_with_the_rows_is_found_and_measured(make_thumbnails: Make, cells: int, tilt: float) -> None:
    thumbnails, field = make_thumbnails(len(WELLS), cells, OFFSET, seed=cells)
    found = find_change(turn_with_rows(thumbnails, field, tilt)[0], OFFSET, WELLS, n_channels=5)
    assert found.rows is not None
    assert found.order is not None
    assert found.rows.found
    assert found.order.found  # rows follow one another in the acquisition
    assert found.rows.differ == pytest.approx(tilt / np.sqrt(3), rel=0.3)
    assert found.words().startswith("light differs between rows by ")
    assert found.as_json()["rows"]["parts"] == len(ROWS)


def test_equal_light_gives_few_false_alarms(make_thumbnails: Make) -> None:
    """One plate in twenty may give one: of twelve, more than three would be bad luck of 1 in 400."""
    alarms = 0
    for seed in range(12):
        thumbnails, _ = make_thumbnails(len(WELLS), (4, 25, 60)[seed % 3], OFFSET, seed=100 + seed)
        found = find_change(thumbnails, OFFSET, WELLS)
        assert found.rows is not None
        assert found.order is not None
        alarms += found.rows.found or found.order.found
    assert alarms <= 3


@pytest.mark.parametrize("cells", [4, 25])
def test_fields_by_row_come_nearer_to_the_truth(make_thumbnails: Make, cells: int) -> None:
    thumbnails, field = make_thumbnails(len(WELLS), cells, OFFSET, seed=1)
    turned, fields = turn_with_rows(thumbnails, field, 0.1)
    whole, by_row = fit(turned, "plate"), fit(turned, "row")
    assert whole.groups == {}
    assert error_of(whole, fields) > 0.05
    assert error_of(by_row, fields) < 0.3 * error_of(whole, fields)
    assert by_row.groups["C"].verdict.startswith("beyond the plate's field, corrected")
    np.testing.assert_array_equal(by_row.plate.flatfield, whole.plate.flatfield)


def test_fields_by_stretch_follow_light_that_drifts(make_thumbnails: Make) -> None:
    """Four stretches of a steady change leave a quarter of it."""
    thumbnails, field = make_thumbnails(len(WELLS), 4, OFFSET, seed=4)
    time = np.linspace(-1, 1, len(WELLS))[:, None, None]
    true = field * np.exp(0.2 * time * np.linspace(-1, 1, field.shape[0]))
    true /= true.mean(axis=(1, 2), keepdims=True)
    lit = ((thumbnails - OFFSET) * true / field + OFFSET).astype(np.float32)
    groups = group_wells("batch", WELLS, WELLS)
    assert set(groups.values()) == {"1", "2", "3", "4"}
    left = {}
    for kind in ("plate", "batch"):
        light = fit(lit, kind)
        found = np.stack([light.of(groups[well]).flatfield for well in WELLS])
        left[kind] = np.sqrt(np.mean((found / true - 1) ** 2))
    assert left["plate"] > 0.05
    assert left["batch"] < 0.35 * left["plate"]


def test_rows_without_light_of_their_own_keep_the_plates_field(make_thumbnails: Make) -> None:
    thumbnails, _ = make_thumbnails(len(WELLS), 25, OFFSET, seed=2)
    light = fit(thumbnails, "row")
    kept = [group for group in light.groups.values() if group.verdict.startswith("the plate's field")]
    assert len(kept) >= len(ROWS) - 1
    assert all((group.flatfield == light.plate.flatfield).all() for group in kept)


def test_too_little_to_tell_is_said(make_thumbnails: Make) -> None:
    thumbnails, _ = make_thumbnails(16, 25, OFFSET)
    few = find_change(thumbnails, OFFSET, WELLS[:8] * 2)
    assert few.words() == "drift of the light not looked for: 4 wells, wanted 8"
    one_row = find_change(thumbnails, OFFSET, WELLS[:16])
    assert one_row.words() == "drift of the light not looked for: 16 images, wanted two parts of 8"
    assert one_row.as_json()["rows"] is None
    assert Change().words() == "drift of the light not looked for: nothing is corrected"


def test_rows_with_few_images_join_a_neighbour() -> None:
    imaged = ["A01"] * 9 + ["B01"] * 3 + ["C02"] * 5 + ["D01"] * 8 + ["AA01"] * 2
    parts = row_parts(dict.fromkeys([*imaged, "E05"]), imaged)
    assert parts == {"A01": "A", "B01": "B-C", "C02": "B-C", "D01": "D-AA", "E05": "D-AA", "AA01": "D-AA"}
    assert row_parts(["B02", "C02"], ["B02"]) == {"B02": "B-C", "C02": "B-C"}


def test_stretches_follow_the_acquisition() -> None:
    wells = ["A01", "AA01", "B01", "B02", "C01", "D01"]
    assert stretches(wells, 3) == {"A01": "1", "B01": "1", "B02": "2", "C01": "2", "D01": "3", "AA01": "3"}
    assert set(group_wells("batch", wells, wells * 9).values()) == {"1", "2"}  # 54 images: two stretches of 24
    assert group_wells("plate", wells, wells) == {}


def test_samples_are_corrected_by_their_groups_field(make_thumbnails: Make) -> None:
    thumbnails, field = make_thumbnails(len(WELLS), 4, OFFSET, seed=3)
    turned, _ = turn_with_rows(thumbnails, field, 0.1)
    light, names = fit(turned, "row"), [well[0] for well in WELLS]
    raw = np.rint(turned).astype(np.uint16)
    corrected = correct_samples(raw, 1, light, names, (48, 48))
    for i in (0, len(raw) - 1):
        fields = light.of(names[i])
        np.testing.assert_allclose(corrected[i], (raw[i] - fields.darkfield) / fields.flatfield, rtol=1e-5)
