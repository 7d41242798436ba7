"""`kinfast preprocess` from files to a store: what is there, and what is set aside."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import tifffile
from tests.e2e.small_plate import (
    CHANNELS,
    SIDE,
    SITES,
    WELLS,
    command,
    content_of,
    draw_site,
    run,
    site_file,
    write_plate,
)

from kinfast import schema
from kinfast.config import PreprocessConfig


def test_the_store_is_what_was_agreed(plates: Path, tmp_path: Path) -> None:
    out = tmp_path / "prepared"
    done = run(plates, out)
    assert (done.n_sites, done.n_quarantined) == (12, 0)
    visible = {str(p.relative_to(out)) for p in out.rglob("*") if p.is_file() and ".plates" not in p.parts}
    assert visible == {
        "dataset.json",
        "sites.parquet",
        "quarantine.csv",
        "ignored.csv",
        "labels.csv",
        "images/PlateA.npy",
        "illumination/PlateA/DNA.npz",
        "illumination/PlateA/ER.npz",
    }
    dataset = json.loads((out / "dataset.json").read_text())
    assert dataset["channels"] == ["DNA", "ER"]
    assert dataset["image_size"] == [48, 48]
    images = np.load(out / "images/PlateA.npy", mmap_mode="r")
    assert (images.shape, images.dtype) == ((12, 48, 48, 2), np.uint8)
    sites = pd.read_parquet(out / "sites.parquet")
    assert sites[schema.IMAGE_INDEX].tolist() == list(range(12))
    assert sites[schema.IMAGE_FILE].unique().tolist() == ["images/PlateA.npy"]
    assert sites[schema.WELL].tolist() == [well for well in WELLS for _ in SITES]
    assert sites[schema.file_name("DNA")].iloc[0] == "PlateA_B02_s1_w1.tif"
    assert sites[schema.path_name("ER")].iloc[0] == "PlateA/TimePoint_1"
    flags = [*schema.FLAGS, schema.FLAG_EXCLUDED, schema.FLAG_ANY]
    assert {sites[flag].dtype for flag in flags} == {np.dtype(bool)}
    assert not sites[schema.FLAG_ANY].any()
    assert (sites[schema.quality("cells")] > 3).all()
    with np.load(out / "illumination/PlateA/DNA.npz") as field:
        assert field["flatfield"].mean() == pytest.approx(1, abs=1e-3)
        assert str(field["verdict"]).startswith("corrected")


def test_without_correction_it_is_the_files_in_a_window(plates: Path, tmp_path: Path) -> None:
    out = tmp_path / "prepared"
    run(plates, out, PreprocessConfig(shorter_side=SIDE, illumination="none"))
    windows = json.loads((out / "dataset.json").read_text())["intensity_windows"]["PlateA"]
    images = np.load(out / "images/PlateA.npy")
    for c, (token, name) in enumerate(CHANNELS.items()):
        raw = tifffile.imread(site_file(plates, "PlateA", "B03", 2, int(token))).astype(np.float32)
        low, high = (np.float32(v) for v in windows[name])
        wanted = np.clip(np.rint((raw - low) * (np.float32(255) / (high - low))), 0, 255)
        assert np.abs(images[5, ..., c] - wanted).max() <= 1  # a tie may round either way


def test_z_steps_are_projected(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    stack = rng.integers(100, 4000, (2, 2, 32, 32)).astype(np.uint16)  # plane, channel
    for z in (1, 2):
        for token in (1, 2):
            path = tmp_path / f"plates/P/TimePoint_1/ZStep_{z}/P_B02_s1_w{token}.tif"
            path.parent.mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(path, stack[z - 1, token - 1])
    config = PreprocessConfig(shorter_side=32, illumination="none")
    run(tmp_path / "plates", tmp_path / "a", config)
    low, high = json.loads((tmp_path / "a/dataset.json").read_text())["intensity_windows"]["P"]["DNA"]
    wanted = np.clip((stack.max(axis=0)[0] - low) / (high - low) * 255, 0, 255)
    got = np.load(tmp_path / "a/images/P.npy")[0, ..., 0]
    assert np.abs(got - wanted).max() <= 0.51  # rounding


BROKEN = {
    "truncated": ("B02", 2, 1),
    "missing": ("B02", 3, 2),
    "wrong size": ("B03", 1, 2),
    "colours": ("B03", 2, 1),
    "no tiff": ("B04", 1, 1),
    "empty file": ("B04", 4, 2),
}


def break_files(root: Path) -> None:
    paths = {kind: site_file(root, "PlateA", *where) for kind, where in BROKEN.items()}
    content = paths["truncated"].read_bytes()
    paths["truncated"].write_bytes(content[: len(content) // 2])
    paths["missing"].unlink()
    tifffile.imwrite(paths["wrong size"], np.ones((SIDE, SIDE // 2), np.uint16))
    tifffile.imwrite(paths["colours"], np.ones((SIDE, SIDE, 3), np.uint8), photometric="rgb")
    paths["no tiff"].write_bytes(b"<html>503</html>")
    paths["empty file"].write_bytes(b"")


def test_a_broken_file_costs_its_site_and_nothing_else(plates: Path, tmp_path: Path) -> None:
    break_files(plates)
    (plates / "PlateA" / "montage.tif").touch()
    out = tmp_path / "prepared"
    first = subprocess.run(command(plates, out), capture_output=True, text=True, check=False)
    assert first.returncode == 1, first.stderr
    assert "quarantined: 6" in first.stdout
    assert "left out: 1 TIFF file;" in first.stdout
    rows = pd.read_csv(out / "quarantine.csv", dtype=str, keep_default_na=False)
    assert list(rows.columns) == schema.QUARANTINE
    found = {(r.well, int(r.site), r.channel) for r in rows.itertuples()}
    assert found == {(well, site, CHANNELS[str(token)]) for well, site, token in BROKEN.values()}
    assert (rows.path == "").sum() == 1  # the missing one
    assert (rows.reason != "").all()
    sites = pd.read_parquet(out / "sites.parquet")
    assert len(sites) == 6
    assert np.load(out / "images/PlateA.npy").shape[0] == 6
    page = (out / "report.html").read_text()
    assert all(text in page for text in ("Plate PlateA", "PlateA_B02_s2_w1.tif", "no image of this channel", "<svg"))
    assert "http" not in page  # it stands alone
    before = content_of(out)
    again = subprocess.run(command(plates, out), capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert content_of(out) == before


def test_further_pages_are_not_left_out_in_silence(plates: Path, tmp_path: Path) -> None:
    """A stack in one file was read as its first plane, and nobody said so."""
    for file in plates.rglob("*_B02_*_w1.tif"):
        tifffile.imwrite(file, np.stack([tifffile.imread(file)] * 2), photometric="minisblack")
    (said,) = run(plates, tmp_path / "prepared").notes
    assert said.startswith("PlateA: 4 of 24 files looked at have several pages, such as PlateA/TimePoint_1/PlateA_B02")


def test_a_plate_without_a_sound_site_costs_no_other(plates: Path, tmp_path: Path) -> None:
    """Of a plate of empty files nothing can be stored; it was an internal error."""
    write_plate(plates, "PlateB", 2, wells=["B02"])
    for file in plates.glob("PlateB/**/*_w1.tif"):
        file.write_bytes(b"")
    done = run(plates, tmp_path / "prepared")
    assert (done.n_sites, done.n_quarantined, len(done.plates_done)) == (12, 4, 2)
    assert not (tmp_path / "prepared/images/PlateB.npy").exists()
    assert run(plates, tmp_path / "prepared").plates_done == {}


def test_wrong_input_is_one_line_and_exit_code_2(plates: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        command(plates, tmp_path / "x", "--illumination", "magic"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert (
        done.stderr.strip()
        == "kinfast: illumination 'magic': wanted one of auto, likelihood, basic, mean, median-filter, gaussian, none"
    )
    assert not (tmp_path / "x").exists()


def test_input_is_never_written_to(plates: Path, tmp_path: Path) -> None:
    before = content_of(plates)
    run(plates, tmp_path / "prepared")
    assert content_of(plates) == before


def test_labels_are_joined_and_controls_make_the_window(plates: Path, tmp_path: Path) -> None:
    for site in SITES:  # the control well is dimmer
        for token in (1, 2):
            file = site_file(plates, "PlateA", "B04", site, token)
            tifffile.imwrite(file, (100 + (tifffile.imread(file) - 100.0) * 0.5).astype(np.uint16))
    table = tmp_path / "wells.csv"
    table.write_text("Plate,Well,Compound,Target,Role,Dose_um\nPlateA,B2,X,EGFR,trt,10\nPlateA,B04,DMSO,,negcon,\n")
    plain, labelled = tmp_path / "plain", tmp_path / "labelled"
    run(plates, plain)
    run(plates, labelled, metadata=[table])
    sites = pd.read_parquet(labelled / "sites.parquet").groupby(schema.WELL).first()
    assert sites.loc["B02", [schema.COMPOUND, schema.TARGET, schema.ROLE]].tolist() == ["X", "EGFR", "trt"]
    assert sites.loc["B02", schema.DOSE_UM] == 10
    assert sites.loc["B04", schema.ROLE] == "negcon"
    assert pd.isna(sites.loc["B03", schema.ROLE])
    high = [json.loads((out / "dataset.json").read_text())["intensity_windows"]["PlateA"] for out in (plain, labelled)]
    assert high[1]["DNA"][1] < 0.7 * high[0]["DNA"][1]
    assert pd.read_csv(labelled / "labels.csv")["role"].dropna().unique().tolist() == ["compound", "control"]
    assert run(plates, labelled, metadata=[table]).plates_done == {}
    forgotten = run(plates, labelled).plates_done
    assert forgotten == {"PlateA": "0 control wells, were 1: is --metadata missing?"}
    assert run(plates, labelled, PreprocessConfig(shorter_side=32)).plates_done == {"PlateA": "other parameters"}


def test_planted_faults_are_flagged(plates: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for token in (1, 2):
        tifffile.imwrite(site_file(plates, "PlateA", "B02", 1, token), np.zeros((SIDE, SIDE), np.uint16))
        noise = rng.normal(100, 3, (SIDE, SIDE)).astype(np.uint16)
        tifffile.imwrite(site_file(plates, "PlateA", "B02", 2, token), noise)
        bright = np.where(np.arange(SIDE)[:, None] < SIDE // 4, 65535, draw_site(rng)[token - 1])
        tifffile.imwrite(site_file(plates, "PlateA", "B03", 2, token), bright.astype(np.uint16))
        shutil.copy(site_file(plates, "PlateA", "B03", 4, token), site_file(plates, "PlateA", "B04", 3, token))
    run(plates, tmp_path / "prepared")
    sites = pd.read_parquet(tmp_path / "prepared/sites.parquet").set_index([schema.WELL, schema.SITE])
    flagged = {where: [f for f in schema.FLAGS if row[f]] for where, row in sites.iterrows() if row[schema.FLAG_ANY]}
    assert flagged == {
        ("B02", 1): ["Flag_blank"],
        ("B02", 2): ["Flag_dark"],
        ("B03", 2): ["Flag_saturated"],
        ("B03", 4): ["Flag_duplicate"],
        ("B04", 3): ["Flag_duplicate"],
    }
    assert sites.loc[("B04", 3), schema.FLAG_REASON] == "duplicate: DNA as in PlateA B03 s4, ER as in PlateA B03 s4"


def test_one_site_alone_is_enough(tmp_path: Path) -> None:
    write_plate(tmp_path / "plates", "P", 3, wells=["B02"])
    done = run(tmp_path / "plates", tmp_path / "one", wells=["B02"])
    assert done.n_sites == 4
    for site in SITES[1:]:
        for token in (1, 2):
            site_file(tmp_path / "plates", "P", "B02", site, token).unlink()
    done = run(tmp_path / "plates", tmp_path / "one")
    assert (done.n_sites, done.flags[schema.FLAG_ANY]) == (1, 0)


def test_dry_run_writes_nothing(plates: Path, tmp_path: Path) -> None:
    out = tmp_path / "prepared"
    done = subprocess.run(command(plates, out, "--dry-run"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "to do: 1 plate, 12 sites" in done.stdout
    assert not out.exists()


def test_composites_are_written_in_the_order_of_their_channels(plates: Path, tmp_path: Path) -> None:
    out = tmp_path / "prepared"
    run(plates, out)
    words = ["composites", str(out), "--out", str(tmp_path / "png"), "--composites", "ER+DNA+ER,DNA", "--panel", "-q"]
    subprocess.run([sys.executable, "-m", "kinfast", *words], check=True, capture_output=True)
    stored = np.load(out / "images/PlateA.npy")[0]
    colour = cv2.imread(str(tmp_path / "png/ER+DNA+ER/PlateA_B02_s1.png"))[..., ::-1]
    np.testing.assert_array_equal(colour, stored[..., [1, 0, 1]])
    grey = cv2.imread(str(tmp_path / "png/DNA/PlateA_B02_s1.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(grey, stored[..., 0])
    assert len(list((tmp_path / "png/panel").iterdir())) == 12
    assert len(pd.read_csv(tmp_path / "png/labels.csv")) == 12
