"""A simulation's files: the same for any number of threads, completed after a stop, never mixed with other things."""

import dataclasses
import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from kinfast.errors import InputError, UsageError
from kinfast.plate.specs import find_spec
from kinfast.simulate.faults import KINDS
from kinfast.simulate.run import simulate_plates
from kinfast.simulate.settings import CHANNELS, COMPRESSIONS, CONDITIONS, SimulationSettings

from .conftest import SMALL


def digests(root: Path) -> dict[str, str]:
    """Hash every file but the archive, whose entries carry no content that the arrays do not."""
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def planes(root: Path, row: pd.Series) -> np.ndarray:
    """Read a site's five images as (5, H, W), in the store's order."""
    stem = f"{row.plate}/TimePoint_1/{row.plate}_{row.well}_s{row.site}_w"
    return np.stack([tifffile.imread(root / f"{stem}{wavelength}.tif") for wavelength in (1, 2, 4, 5, 3)])


def sound_sites(root: Path) -> pd.DataFrame:
    """Sites none of whose files is broken."""
    sites = pd.read_csv(root / "truth/sites.csv")
    broken = pd.read_csv(root / "truth/broken.csv")[["well", "site"]]
    merged = sites.merge(broken, how="left", indicator=True)
    return sites[(merged["_merge"] == "left_only").to_numpy()]


def test_any_number_of_threads_gives_the_same_bytes(small_root: Path, tmp_path: Path) -> None:
    simulate_plates(tmp_path / "p", SMALL, threads=4)
    assert digests(tmp_path / "p") == digests(small_root)


def test_another_seed_gives_other_pixels(small_root: Path, tmp_path: Path) -> None:
    simulate_plates(tmp_path / "p", dataclasses.replace(SMALL, seed=4))
    name = "P009063/TimePoint_1/P009063_B02_s1_w1.tif"
    assert (tmp_path / "p" / name).read_bytes() != (small_root / name).read_bytes()


def test_a_stopped_simulation_is_completed_and_whole_files_are_kept(small_root: Path, tmp_path: Path) -> None:
    root = tmp_path / "p"
    shutil.copytree(small_root, root)
    (root / "dataset.yaml").unlink()
    shutil.rmtree(root / "truth")
    (root / "truth").mkdir()
    shutil.copy(small_root / "truth/settings.json", root / "truth")
    lost = [root / f"P009063/TimePoint_1/P009063_B02_s{site}_w2.tif" for site in (1, 2)]
    kept = root / "P009063/TimePoint_1/P009063_B09_s1_w1.tif"
    before = kept.stat().st_mtime_ns
    for path in lost:
        path.unlink(missing_ok=True)
    simulate_plates(root, SMALL)
    assert digests(root) == digests(small_root)
    assert kept.stat().st_mtime_ns == before


def test_a_folder_with_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").touch()
    with pytest.raises(InputError, match="not empty"):
        simulate_plates(tmp_path, SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.docx"]
    with pytest.raises(InputError, match="not empty"):  # --overwrite never deletes what is no simulation
        simulate_plates(tmp_path, SMALL, overwrite=True)
    assert (tmp_path / "thesis.docx").exists()


def test_other_settings_need_overwrite(tmp_path: Path) -> None:
    tiny = SimulationSettings(plates=1, wells=2, sites=1, height=64, width=64, pixel_um=2.0, cells=3)
    root = tmp_path / "p"
    simulate_plates(root, tiny)
    other = dataclasses.replace(tiny, wells=1)
    with pytest.raises(InputError, match="other settings"):
        simulate_plates(root, other)
    simulate_plates(root, other, overwrite=True)
    assert len(list(root.rglob("*.tif"))) == 5


def test_every_image_is_there_but_the_missing_one(small_root: Path) -> None:
    found = {str(path.relative_to(small_root)) for path in small_root.rglob("*.tif")}
    broken = pd.read_csv(small_root / "truth/broken.csv")
    assert len(found) == 8 * 4 * 5 - 1
    assert set(broken.loc[broken.kind != "missing", "path"]) <= found
    assert not set(broken.loc[broken.kind == "missing", "path"]) & found
    assert sorted(broken.kind) == sorted(KINDS)
    assert not broken.duplicated(["plate", "well", "site"]).any()


def test_nothing_in_truth_looks_like_an_image(small_root: Path) -> None:
    names = {path.name for path in (small_root / "truth").iterdir()}
    assert names == {"sites.csv", "broken.csv", "compounds.csv", "fields.npz", "settings.json"}


def test_settings_round_trip(small_root: Path) -> None:
    assert SimulationSettings.from_dict(json.loads((small_root / "truth/settings.json").read_text())) == SMALL


def test_the_spec_names_what_was_simulated(small_root: Path) -> None:
    spec = find_spec(small_root)
    assert spec is not None
    assert (spec.convention, spec.pixel_um, spec.metadata) == ("imagexpress", 1.2, "metadata.csv")
    assert spec.channel_names == CHANNELS


def test_planted_conditions_are_in_the_pixels(small_root: Path) -> None:
    sites = sound_sites(small_root)
    asked = {condition: SMALL.n_planted(condition) for condition in CONDITIONS}
    assert sites[sites.planted].condition.value_counts().to_dict() == {k: v for k, v in asked.items() if v}
    offsets = fields(small_root, "darkfield")[:, 0, 0]
    spread = {condition: [planes(small_root, row) for row in rows.itertuples()] for condition, rows in
              sites.groupby("condition")}  # fmt: skip
    usual = np.mean([image.mean(axis=(1, 2)) - offsets for image in spread["normal"]], axis=0)
    for image in spread["blank"]:
        assert image.min() == image.max()
    for image in spread["dark"]:
        assert ((image.mean(axis=(1, 2)) - offsets) < 0.02 * usual).all()
        assert image.std() > 0
    for image in spread["saturated"]:
        assert (image == 65535).mean() > 0.02
    for image in spread["empty"]:
        # background and photon noise only: no pixel stands out by more than the tail of 5 x 10^4 normal draws allows
        light = image - offsets[:, None, None]
        noise = np.sqrt(light.mean(axis=(1, 2)) + SMALL.read_noise**2)
        field = fields(small_root, "flatfield") * light.mean(axis=(1, 2))[:, None, None]
        assert (np.abs(light - field).max(axis=(1, 2)) < 6.5 * noise * 1.1).all()
    assert (sites.loc[sites.condition.isin(["blank", "empty"]), "n_cells"] == 0).all()


def fields(root: Path, kind: str) -> np.ndarray:
    """Read the planted fields of the one plate as (5, H, W)."""
    with np.load(root / "truth/fields.npz") as archive:
        return np.stack([archive[f"P009063/{channel}/{kind}"] for channel in CHANNELS])


def test_planted_fields_have_mean_one_and_offsets_in_range(small_root: Path) -> None:
    flat, dark = fields(small_root, "flatfield"), fields(small_root, "darkfield")
    assert flat.shape == dark.shape == (5, 96, 112)
    np.testing.assert_allclose(flat.mean(axis=(1, 2)), 1, atol=1e-5)  # float32 sums of 10^4 values
    assert flat.min() > 0.5
    assert (dark >= 50).all()
    assert (dark <= 250).all()
    assert len({int(np.argmax(field)) for field in flat}) > 1, "each channel has its own optical centre"


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("predictor", [False, True])
def test_every_compression_holds_the_same_pixels(
    small_root: Path, tmp_path: Path, compression: str, predictor: bool
) -> None:
    tiny = SimulationSettings(plates=1, wells=1, sites=1, height=64, width=64, pixel_um=2.0, cells=3)
    simulate_plates(tmp_path / "plain", tiny)
    if predictor and compression in ("none", "packbits"):
        with pytest.raises(UsageError, match="takes no predictor"):
            dataclasses.replace(tiny, compression=compression, predictor=True)
        return
    simulate_plates(tmp_path / "packed", dataclasses.replace(tiny, compression=compression, predictor=predictor))
    for path in (tmp_path / "plain").rglob("*.tif"):
        packed = tmp_path / "packed" / path.relative_to(tmp_path / "plain")
        np.testing.assert_array_equal(tifffile.imread(packed), tifffile.imread(path))
        with tifffile.TiffFile(packed) as tiff:
            name = tiff.pages.first.compression.name.lower()
            assert {"none": "none", "deflate": "adobe_deflate"}.get(compression, compression) == name
            assert tiff.pages.first.predictor == (2 if predictor else 1)
