"""Plates that differ: windows by batch, by hand and by plate, from files to the store."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
import tifffile

from kinfast.config import PreprocessConfig
from kinfast.errors import InputError
from kinfast.plate.open import open_plates
from kinfast.preprocess import batch
from kinfast.preprocess import run as running
from kinfast.preprocess.plan import PlatePlan, PlateTask, plan_plate
from kinfast.preprocess.run import Outcome, preprocess
from kinfast.simulate.run import simulate_plates
from kinfast.simulate.settings import SimulationSettings

BATCH = PreprocessConfig(shorter_side=48, intensity="batch")
FIXED = PreprocessConfig(shorter_side=48, intensity="fixed", windows=(("DNA", 0.0, 4000.0),))
SIDE = 96
LIGHT = {"PlateA": 1.0, "PlateB": 0.6, "PlateC": 1.5}
CELLS = {"PlateA": 24, "PlateB": 12, "PlateC": 30}


def write_plate(root: Path, plate: str, seed: int, light: float = 0) -> None:
    """Four wells of two sites, DNA alone: equal cells, in the light and in the number of the plate."""
    rng = np.random.default_rng(seed)
    for well in ("B02", "B03", "C02", "C03"):
        for site in (1, 2):
            scene = np.full((SIDE, SIDE), 150.0)
            for y, x in rng.uniform(-5, SIDE + 5, (CELLS.get(plate, 16), 2)):
                cv2.circle(body := np.zeros((SIDE, SIDE), np.float32), (round(x), round(y)), 5, 1.0, -1)
                scene += 2500 * cv2.GaussianBlur(body, (0, 0), 0.8)
            lit = np.minimum(scene, 2650) * (light or LIGHT[plate])
            raw = np.clip(100 + rng.normal(lit, np.sqrt(lit + 9)), 0, 65535).astype(np.uint16)
            path = root / plate / f"{plate}_{well}_s{site}_w1.tif"
            path.parent.mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(path, raw)


def write_labels(path: Path, batches: dict[str, str]) -> Path:
    rows = [(p, w, "negcon" if w < "C" else "trt", b) for p, b in batches.items() for w in ("B02", "B03", "C02", "C03")]
    pd.DataFrame(rows, columns=["Plate", "Well", "Role", "Metadata_Batch"]).to_csv(path, index=False)
    return path


@pytest.fixture
def plates(tmp_path: Path) -> Path:
    for seed, plate in enumerate(LIGHT):
        write_plate(tmp_path / "plates", plate, seed)
    return tmp_path / "plates"


def run(root: Path, out: Path, config: PreprocessConfig, table: Path, **options: object) -> Outcome:
    chosen = {"plates": options.pop("plates")} if "plates" in options else {}
    found = open_plates(root, channels={"1": "DNA"}, metadata=[table], **chosen)  # type: ignore[arg-type]
    return preprocess(found, out, config, **options)  # type: ignore[arg-type]


def content_of(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def dataset(out: Path) -> dict[str, object]:
    content: dict[str, object] = json.loads((out / "dataset.json").read_text())
    return content


def brightest(out: Path) -> np.ndarray:
    """Stored level of the cells' flat tops on each plate: one light on all of them would give one level."""
    return np.array([np.percentile(np.load(out / f"images/{plate}.npy"), 97) for plate in LIGHT])


def test_a_batch_makes_equal_cells_equal_and_fixed_windows_keep_the_difference(plates: Path, tmp_path: Path) -> None:
    table = write_labels(tmp_path / "wells.csv", dict.fromkeys(LIGHT, "one"))
    run(plates, tmp_path / "batch", BATCH, table)
    run(plates, tmp_path / "fixed", FIXED, table)
    before, after = brightest(tmp_path / "fixed"), brightest(tmp_path / "batch")
    assert before.max() / before.min() == pytest.approx(1.5 / 0.6, rel=0.05)
    # photon noise of 40 counts in 2500 and cells that touch leave a few per cent; the light differed by 150
    assert after.max() / after.min() < 1.05
    said = dataset(tmp_path / "batch")["intensity"]
    assert said["kind"] == "batch"  # type: ignore[index]
    assert said["batches"]["one"]["plates"] == list(LIGHT)  # type: ignore[index]
    assert dataset(tmp_path / "fixed")["intensity_windows"] == {plate: {"DNA": [0, 4000]} for plate in LIGHT}


def test_plates_are_aligned_within_their_batch_only(plates: Path, tmp_path: Path) -> None:
    table = write_labels(tmp_path / "wells.csv", {"PlateA": "1", "PlateB": "1", "PlateC": "2"})
    run(plates, tmp_path / "two", BATCH, table)
    facts = dataset(tmp_path / "two")
    batches = facts["intensity"]["batches"]  # type: ignore[index]
    assert {name: of["plates"] for name, of in batches.items()} == {"1": ["PlateA", "PlateB"], "2": ["PlateC"]}
    own = run(plates, tmp_path / "own", PreprocessConfig(shorter_side=48), table).windows["PlateC"]["DNA"]
    # alone in its batch: its own window, but for rounding of the scale (0.01 in 2500) and of the counts
    assert facts["intensity_windows"]["PlateC"]["DNA"] == pytest.approx(own, abs=0.05)  # type: ignore[index]
    clash = pd.read_csv(table)
    clash.loc[0, "Metadata_Batch"] = 3
    clash.to_csv(table, index=False)
    with pytest.raises(InputError, match=r"PlateA has more than one \(1, 3\)"):
        run(plates, tmp_path / "x", BATCH, table)


def test_a_plate_joins_its_batch_and_the_others_stay(plates: Path, tmp_path: Path) -> None:
    table = write_labels(tmp_path / "wells.csv", dict.fromkeys(LIGHT, "one"))
    out = tmp_path / "out"
    shutil.move(plates / "PlateC", tmp_path / "later")
    run(plates, out, BATCH, table)
    before = content_of(out / "images")
    reference = dataset(out)["intensity"]["batches"]["one"]["reference"]  # type: ignore[index]
    shutil.move(tmp_path / "later", plates / "PlateC")
    done = run(plates, out, BATCH, table, plates=["PlateC"])
    assert done.plates_done == {"PlateC": "new"}
    after = content_of(out / "images")
    assert {name: after[name] for name in before} == before
    assert dataset(out)["intensity"]["batches"]["one"] == {"plates": list(LIGHT), "reference": reference}  # type: ignore[index]
    levels = brightest(out)
    assert levels.max() / levels.min() < 1.05
    assert run(plates, out, BATCH, table).plates_done == {}


def test_a_batch_that_is_made_anew_as_a_whole_gets_a_reference_anew(plates: Path, tmp_path: Path) -> None:
    table = write_labels(tmp_path / "wells.csv", dict.fromkeys(LIGHT, "one"))
    out = tmp_path / "out"
    run(plates, out, BATCH, table)
    write_plate(plates, "PlateB", 9, light=1.2)
    assert set(run(plates, out, BATCH, table).plates_done) == {"PlateB"}
    for seed, plate in enumerate(LIGHT):
        write_plate(plates, plate, 20 + seed, light=1.3)
    assert set(run(plates, out, BATCH, table).plates_done) == set(LIGHT)
    run(plates, tmp_path / "fresh", BATCH, table)
    assert content_of(out) == content_of(tmp_path / "fresh")
    done = run(plates, out, BATCH, write_labels(table, dict.fromkeys(LIGHT, "two"))).plates_done
    assert done == dict.fromkeys(LIGHT, "its batch has other windows")


@pytest.mark.parametrize("moment", [1, 3, 5])
def test_killed_between_the_passes_a_rerun_gives_the_same_bytes(
    plates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    """Moments 0 to 2: before pass one of each plate; 3 to 5, with the windows known, before pass two of each."""
    table = write_labels(tmp_path / "wells.csv", dict.fromkeys(LIGHT, "one"))
    run(plates, tmp_path / "whole", BATCH, table, threads=2)
    out = tmp_path / "out"
    counted = [0]

    def dying(work):  # type: ignore[no-untyped-def]
        def step(*args, **options):  # type: ignore[no-untyped-def]
            counted[0] += 1
            if counted[0] > moment:
                raise KeyboardInterrupt
            return work(*args, **options)

        return step

    with monkeypatch.context() as patched:
        patched.setattr(batch, "plan_plate", dying(batch.plan_plate))
        patched.setattr(running, "prepare_plate", dying(running.prepare_plate))
        with pytest.raises(KeyboardInterrupt):
            run(plates, out, BATCH, table)
    assert counted[0] == moment + 1
    planned: list[str] = []

    def noting(task: PlateTask, *rest: object) -> PlatePlan:
        planned.append(task.plate.name)
        return plan_plate(task, *rest)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(batch, "plan_plate", noting)
        run(plates, out, BATCH, table)
    assert planned == list(LIGHT)[moment:]  # what pass one found before is not looked for again
    assert content_of(out) == content_of(tmp_path / "whole")


@pytest.mark.slow
def test_a_batch_finds_each_plates_light_whatever_the_cells_do(tmp_path: Path) -> None:
    """The planted light is known; what windows leave of it is their error, cell numbers from 31 to 51 a site or not."""
    clean = dict.fromkeys(("dark", "blank", "empty", "blurred", "saturated", "debris"), 0)
    settings = SimulationSettings(
        plates=4, wells=20, sites=3, height=256, width=256, pixel_um=1.3, cells=40, control_share=0.6,
        plate_effect=0.2, well_effect=0, seed=2, **clean,
    )  # fmt: skip
    simulate_plates(tmp_path / "plates", settings, 2)
    truth = pd.read_csv(tmp_path / "plates/truth/sites.csv").groupby("plate").first()
    found = open_plates(tmp_path / "plates")
    left = {}
    for kind in ("plate", "batch"):
        done = preprocess(found, tmp_path / kind, PreprocessConfig(shorter_side=64, intensity=kind), threads=2)
        widths = pd.DataFrame({p: {c: high - low for c, (low, high) in of.items()} for p, of in done.windows.items()})
        left[kind] = spread(widths.T / truth.filter(like="light_").rename(columns=lambda c: c.removeprefix("light_")))
    nothing = spread(1 / truth.filter(like="light_"))
    assert nothing > 0.1
    assert left["plate"] < nothing / 3
    assert left["batch"] < left["plate"]


def spread(factors: pd.DataFrame) -> float:
    """Root mean square of the logarithms' deviation from each channel's mean over plates."""
    logs = np.log(factors.to_numpy(float))
    return float(np.sqrt(np.mean((logs - logs.mean(axis=0)) ** 2)))


def test_the_store_says_how_bright_plates_are_before_and_after(plates: Path, tmp_path: Path) -> None:
    table = write_labels(tmp_path / "wells.csv", dict.fromkeys(LIGHT, "one"))
    run(plates, tmp_path / "out", BATCH, table)
    facts: Any = dataset(tmp_path / "out")
    for plate, of in facts["plates"].items():
        assert (of["brightness"]["wells"], of["brightness"]["n_wells"]) == ("negcon", 2)
        stored = np.load(tmp_path / f"out/images/{plate}.npy").reshape(4, 2, -1)[:2].mean(axis=2)
        assert of["brightness"]["channels"]["DNA"]["after"] == pytest.approx(stored.mean(), abs=0.001)  # of two medians
        assert (of["drift"], of["z_prime"]) == ([], [])  # four wells say nothing
    between = facts["between_plates"]["structures"]
    planted = np.std(list(LIGHT.values()), ddof=1) / np.mean(list(LIGHT.values()))
    assert between["before"]["DNA"] == pytest.approx(planted, rel=0.1)
    assert between["after"]["DNA"] < 0.001  # that is what the batch is laid on; windows are rounded to 0.01 counts
