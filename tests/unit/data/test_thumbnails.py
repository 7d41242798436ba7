"""Pictures that stay with a run: which sites, how many, how large."""

import json
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd

from kinfast import schema
from kinfast.config import THUMBNAIL_EACH, THUMBNAIL_FLAGGED, THUMBNAIL_SIDE, THUMBNAIL_SITES
from kinfast.data.composites import Composite
from kinfast.data.thumbnails import FOLDER, SITES, STORE, choose_sites, draw_composite, keep_thumbnails


def table(n: int, blurred: tuple[int, ...] = ()) -> pd.DataFrame:
    sites = pd.DataFrame({schema.PLATE: "P", schema.WELL: [f"A{i + 1:02d}" for i in range(n)]})
    sites[schema.SITE], sites[schema.TIMEPOINT], sites[schema.COMPOUND] = 1, 1, "C"
    for flag in (*schema.FLAGS, schema.FLAG_EXCLUDED):
        sites[flag] = False
    sites.loc[list(blurred), "Flag_blurred"] = True
    sites[schema.FLAG_REASON] = np.where(sites["Flag_blurred"], "blurred: DNA", "")
    return sites


def test_few_classes_have_four_sites_each_spread_over_the_plate() -> None:
    chosen = choose_sites(table(40), ["EGFR"] * 20 + ["Src"] * 20)
    assert chosen.rows == [2, 7, 12, 17, 22, 27, 32, 37]
    assert THUMBNAIL_EACH == 4
    assert chosen.flagged == []


def test_many_classes_stay_within_the_cap_and_the_smallest_fall_out() -> None:
    classes = [f"class {i % 100:03d}" for i in range(250)]
    chosen = choose_sites(table(250), classes)
    shown = {classes[row] for row in chosen.rows}
    assert len(chosen.rows) == len(shown) == THUMBNAIL_SITES
    assert {f"class {i:03d}" for i in range(50)} <= shown


def test_flagged_sites_stand_apart_and_unlabelled_ones_are_not_shown() -> None:
    chosen = choose_sites(table(60, tuple(range(30))), ["EGFR"] * 50 + [None] * 10)
    assert len(chosen.flagged) == THUMBNAIL_FLAGGED
    assert set(chosen.flagged) <= set(range(30))
    assert set(chosen.rows) <= set(range(30, 50))


def test_a_composite_of_one_channel_is_grey_and_of_five_shows_three() -> None:
    stack = np.arange(5, dtype=np.uint8) * np.ones((4, 6, 1), np.uint8)
    channels = ["DNA", "RNA", "ER", "AGP", "Mito"]
    assert draw_composite(stack, Composite("x", ("ER",)), channels)[0, 0].tolist() == [2, 2, 2]
    assert draw_composite(stack, Composite("x", ("Mito", "ER", "DNA", "AGP")), channels)[0, 0].tolist() == [4, 2, 0]


def test_what_is_kept_is_small_and_says_what_it_is(tmp_path: Path) -> None:
    sites = table(6, (5,))
    images = np.random.default_rng(0).integers(0, 255, (6, 300, 400, 2)).astype(np.uint8)
    dataset = {"spec": {"name": "s"}, "channels": ["DNA", "ER"], "plates": {"P": {"n_sites": 6}}}
    store = SimpleNamespace(
        sites=sites, dataset=dataset, channels=["DNA", "ER"], root=tmp_path, gather=lambda rows, channels: images[rows]
    )
    composites = (Composite("a", ("DNA", "ER", "DNA")), Composite("b", ("ER",)))
    keep_thumbnails(store, ["EGFR"] * 6, composites, tmp_path / "run")  # type: ignore[arg-type]
    folder = tmp_path / "run" / FOLDER
    listed = pd.read_csv(folder / SITES, keep_default_na=False)
    assert len(listed) == 2 * (THUMBNAIL_EACH + 1)
    assert listed["reason"].tolist()[-2:] == ["blurred: DNA"] * 2
    assert set(listed["file"]) == {path.name for path in folder.glob("*.webp")}
    assert cv2.imread(str(folder / listed["file"][0])).shape == (THUMBNAIL_SIDE, round(THUMBNAIL_SIDE * 4 / 3), 3)
    facts = json.loads((folder / STORE).read_text())
    assert facts["plates"]["P"]["flags"]["Flag_blurred"] == 1
    assert facts["fields"] == {}
