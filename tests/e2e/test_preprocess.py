"""`kinfast preprocess` from files to a store: what is there, what is set aside, what is done again."""

import errno
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import tifffile

from kinfast import schema
from kinfast.config import PreprocessConfig
from kinfast.errors import InputError, StoreError
from kinfast.plate.open import open_plates
from kinfast.preprocess.disk import alone_in
from kinfast.preprocess.run import Outcome, preprocess

CHANNELS = {"1": "DNA", "2": "ER"}
SIDE = 96
WELLS = ("B02", "B03", "B04")
SITES = (1, 2, 3, 4)
CONFIG = PreprocessConfig(shorter_side=48)


def draw_site(rng: np.random.Generator) -> np.ndarray:
    """(2, SIDE, SIDE) uint16: cells that go on beyond the border, vignetting, offset 100, noise."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE - 0.5
    light = np.full((2, SIDE, SIDE), 150.0)
    for cy, cx in rng.uniform(-10, SIDE + 10, (14, 2)):
        body = np.zeros((SIDE, SIDE), np.float32)
        cv2.circle(body, (round(cx), round(cy)), 9, 1.0, -1)
        light[1] += 900 * cv2.GaussianBlur(body, (0, 0), 1.5)
        cv2.circle(body := np.zeros((SIDE, SIDE), np.float32), (round(cx), round(cy)), 4, 1.0, -1)
        light[0] += 3000 * cv2.GaussianBlur(body, (0, 0), 0.8)
    lit = light * (1 - 0.6 * (y**2 + x**2))
    return np.clip(100 + rng.normal(lit, np.sqrt(lit + 9)), 0, 65535).astype(np.uint16)


def site_file(root: Path, plate: str, well: str, site: int, token: int) -> Path:
    return root / plate / "TimePoint_1" / f"{plate}_{well}_s{site}_w{token}.tif"


def write_plate(root: Path, plate: str, seed: int, wells: Sequence[str] = WELLS, side: int = SIDE) -> None:
    rng = np.random.default_rng(seed)
    for well in wells:
        for site in SITES:
            for token, image in enumerate(draw_site(rng), 1):
                path = site_file(root, plate, well, site, token)
                path.parent.mkdir(parents=True, exist_ok=True)
                tifffile.imwrite(path, image[:side, :side])


@pytest.fixture
def plates(tmp_path: Path) -> Path:
    write_plate(tmp_path / "plates", "PlateA", 1)
    return tmp_path / "plates"


def run(root: Path, out: Path, config: PreprocessConfig = CONFIG, **options: object) -> Outcome:
    chosen = {name: options.pop(name) for name in ("plates", "wells", "metadata", "spec") if name in options}
    found = open_plates(root, channels=CHANNELS, plane=config.plane, **chosen)  # type: ignore[arg-type]
    return preprocess(found, out, config, **options)  # type: ignore[arg-type]


def content_of(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def times_of(folder: Path) -> dict[str, int]:
    return {name: (folder / name).stat().st_mtime_ns for name in content_of(folder)}


def command(plates: Path, out: Path, *more: str) -> list[str]:
    names = ",".join(f"{token}={name}" for token, name in CHANNELS.items())
    words = ["preprocess", str(plates), "--out", str(out), "--channels", names, "--size", "48", "-q", *more]
    return [sys.executable, "-m", "kinfast", *words]


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
    out = tmp_path / "prepared"
    first = subprocess.run(command(plates, out), capture_output=True, text=True, check=False)
    assert first.returncode == 1, first.stderr
    assert "quarantined: 6" in first.stdout
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


def test_a_full_disk_is_one_line_and_finished_plates_are_kept(
    plates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "prepared"
    run(plates, out)
    write_plate(plates, "PlateB", 2, wells=["B02"])
    before = content_of(out)

    def refuse(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", refuse)
        with pytest.raises(InputError, match="the disk is full; finished plates are kept"):
            run(plates, out)
    assert {name: hashed for name, hashed in content_of(out).items() if "PlateB" not in name} == before
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be made a folder"):
        run(plates, tmp_path / "file")


def test_two_runs_do_not_share_a_store(plates: Path, tmp_path: Path) -> None:
    with alone_in(tmp_path / "prepared"), pytest.raises(InputError, match="another kinfast preprocess"):
        run(plates, tmp_path / "prepared")


def test_threads_do_not_change_a_byte_and_a_rerun_does_nothing(plates: Path, tmp_path: Path) -> None:
    run(plates, tmp_path / "a", threads=1)
    run(plates, tmp_path / "b", threads=3)
    assert content_of(tmp_path / "a") == content_of(tmp_path / "b")
    times = times_of(tmp_path / "a")
    assert run(plates, tmp_path / "a", threads=2).plates_done == {}
    assert times_of(tmp_path / "a") == times


def test_input_is_never_written_to(plates: Path, tmp_path: Path) -> None:
    before = content_of(plates)
    run(plates, tmp_path / "prepared")
    assert content_of(plates) == before


def test_only_what_changed_is_done_again(plates: Path, tmp_path: Path) -> None:
    write_plate(plates, "PlateB", 2)
    out = tmp_path / "prepared"
    assert set(run(plates, out).plates_done) == {"PlateA", "PlateB"}
    untouched = content_of(out / "images")["PlateA.npy"]
    changed = site_file(plates, "PlateB", "B02", 1, 1)
    tifffile.imwrite(changed, tifffile.imread(changed)[::-1])
    done = run(plates, out)
    assert done.plates_done == {"PlateB": "1 files changed"}
    assert content_of(out / "images")["PlateA.npy"] == untouched
    run(plates, tmp_path / "fresh")
    assert content_of(out) == content_of(tmp_path / "fresh")


def test_a_plate_is_added_and_others_stay(plates: Path, tmp_path: Path) -> None:
    out = tmp_path / "prepared"
    run(plates, out)
    write_plate(plates, "PlateB", 2)
    done = run(plates, out, plates=["PlateB"])
    assert list(done.plates_done) == ["PlateB"]
    assert done.n_sites == 24
    assert done.notes == ("kept as they are: PlateA (in the store, not among the plates of this run)",)
    run(plates, tmp_path / "fresh")
    assert content_of(out) == content_of(tmp_path / "fresh")


def test_one_store_has_one_set_of_parameters_and_one_size(plates: Path, tmp_path: Path) -> None:
    out = tmp_path / "prepared"
    run(plates, out)
    write_plate(plates, "PlateB", 2)
    with pytest.raises(StoreError, match="PlateA, made with other parameters"):
        run(plates, out, PreprocessConfig(shorter_side=32), plates=["PlateB"])
    shutil.rmtree(plates / "PlateB")
    write_plate(plates, "PlateB", 2, side=SIDE // 3)
    with pytest.raises(InputError, match="48 x 48 pixels and plate PlateB of 32 x 32"):
        run(plates, out)
    assert len(pd.read_parquet(out / "sites.parquet")) == 12


def test_verify_sees_what_time_and_size_hide(plates: Path, tmp_path: Path) -> None:
    out = tmp_path / "prepared"
    run(plates, out)
    assert run(plates, out, verify=True).plates_done == {}
    file = site_file(plates, "PlateA", "B03", 2, 2)
    stat = file.stat()
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert run(plates, out).plates_done == {}
    done = run(plates, out, verify=True)
    assert "1 images changed without their time or size (PlateA B03 s2 ER" in done.plates_done["PlateA"]


def test_exclusions_survive_reruns(plates: Path, tmp_path: Path) -> None:
    listed = tmp_path / "bad.csv"
    listed.write_text("plate,well,site,reason\nPlateA,B03,2,bubble\nPlateA,C09,,nothing there\n")
    out = tmp_path / "prepared"
    done = run(plates, out, exclude=listed)
    assert done.notes == ("--exclude: 1 rows name no site of the store",)
    listed.unlink()
    run(plates, out)
    sites = pd.read_parquet(out / "sites.parquet")
    excluded = sites[sites[schema.FLAG_EXCLUDED]]
    assert excluded[[schema.WELL, schema.SITE, schema.FLAG_REASON]].values.tolist() == [["B03", 2, "bubble"]]
    assert excluded[schema.FLAG_ANY].all()


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
    assert "to do: 1 plates, 12 sites" in done.stdout
    assert not out.exists()


def test_killed_at_any_moment_a_rerun_gives_the_same_bytes(plates: Path, tmp_path: Path) -> None:
    out = tmp_path / "prepared"
    began = time.monotonic()
    subprocess.run(command(plates, out), check=True, capture_output=True)
    whole = time.monotonic() - began
    wanted = content_of(out)
    rng = random.Random(0)
    for _ in range(3):
        shutil.rmtree(out)
        process = subprocess.Popen(command(plates, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(0.5, 1) * whole)
        process.send_signal(signal.SIGKILL)
        process.wait()
        subprocess.run(command(plates, out), check=True, capture_output=True)
        assert content_of(out) == wanted


def test_a_commit_cut_short_is_made_good(plates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every rename of a commit is a moment to die at; the old store must not pass for the new one."""
    for well in WELLS[1:]:
        for path in plates.rglob(f"*_{well}_*"):
            path.unlink()
    out = tmp_path / "prepared"
    run(plates, out)
    changed = site_file(plates, "PlateA", "B02", 1, 1)
    tifffile.imwrite(changed, tifffile.imread(changed)[::-1])
    run(plates, tmp_path / "fresh")
    wanted = content_of(tmp_path / "fresh")
    rename = Path.replace
    for moment in range(5):
        shutil.rmtree(out)
        tifffile.imwrite(changed, tifffile.imread(changed)[::-1])
        run(plates, out)
        tifffile.imwrite(changed, tifffile.imread(changed)[::-1])
        left = [moment]

        def die(self: Path, target: Path, left: list[int] = left) -> Path:
            if ".plates" in self.parts and "work" in self.parts and not self.name.startswith("."):
                if left[0] == 0:
                    raise KeyboardInterrupt
                left[0] -= 1
            return rename(self, target)

        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", die)
            with pytest.raises(KeyboardInterrupt):
                run(plates, out)
        run(plates, out)
        assert {k: v for k, v in content_of(out).items() if k != ".plates/PlateA/inputs.json"} == {
            k: v for k, v in wanted.items() if k != ".plates/PlateA/inputs.json"
        }


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
