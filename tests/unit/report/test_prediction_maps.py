"""Predictions on the plates: held-out wells alone, mistakes marked, a bounded page."""

import numpy as np
import pytest
from tests.unit.evaluate.synthetic_run import Layout, make_run

from kinfast import schema
from kinfast.evaluate.run_folder import Run, read_run
from kinfast.report import prediction_maps as maps
from kinfast.report.plate_grid import pixel_map, plate_layout


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return read_run(make_run(tmp_path_factory.mktemp("run"), Layout(n_classes=5, n_plates=3, n_sites=2, folds=1)))


def test_wells_that_were_trained_on_are_not_shown(run: Run) -> None:
    shown = {(plate, well) for plate, wells in maps.held_out_wells(run).items() for well in wells.names}
    held = run.table[run.table[schema.PART].isin(["test", "unlabelled"])]
    assert shown == set(zip(held[schema.PLATE].astype(str), held[schema.WELL].astype(str), strict=True))
    assert len(shown) < run.table[[schema.PLATE, schema.WELL]].drop_duplicates().shape[0]


def test_a_well_is_the_mean_of_its_sites(run: Run) -> None:
    plate, wells = next(iter(maps.held_out_wells(run).items()))
    rows = run.part("test")
    mine = rows[(rows[schema.PLATE].astype(str) == plate) & (rows[schema.WELL] == wells.names[0])]
    assert len(mine) == 2
    assert wells.probabilities[0] == pytest.approx(run.probabilities(mine).mean(axis=0))


def test_each_mistake_has_a_stroke(run: Run) -> None:
    wrong = sum(
        int((wells.probabilities.argmax(axis=1) != wells.truth)[wells.truth >= 0].sum())
        for wells in maps.held_out_wells(run).values()
    )
    assert wrong > 0
    assert maps.prediction_maps(run).count(maps.CROSS) == wrong


def test_what_is_left_out_is_said(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maps, "MOST_PLATES", 2)
    monkeypatch.setattr(maps, "MOST_CLASS_MAPS", 6)
    page = maps.prediction_maps(run)
    assert "Not shown: 1 of 3 plates" in page
    assert "Of each plate 3 of 5 classes have a map" in page
    assert page.count("image/png") == 2 * 3


def test_a_map_of_pixels_is_small() -> None:
    values = {
        f"{chr(65 + row)}{column:02d}": float(np.sin(row * column)) for row in range(16) for column in range(1, 25)
    }
    assert plate_layout(values) == (16, 24)
    assert len(pixel_map(values, -1, 1, "a & b", "c")) < 2500
    assert 'alt="a &amp; b"' in pixel_map(values, -1, 1, "a & b", "c")
