"""`kinfast preprocess` a second time: resuming, adding, changing, and being killed; the same bytes in the end."""

import errno
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import tifffile
from tests.e2e.small_plate import (
    SIDE,
    WELLS,
    command,
    content_of,
    run,
    site_file,
    times_of,
    write_plate,
)

from kinfast import schema
from kinfast.config import PreprocessConfig
from kinfast.errors import InputError, StoreError
from kinfast.preprocess import sampling
from kinfast.preprocess.disk import alone_in
from kinfast.preprocess.merge import check_sizes
from kinfast.progress import Silent


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


def test_only_what_changed_is_done_again(plates: Path, tmp_path: Path) -> None:
    write_plate(plates, "PlateB", 2)
    out = tmp_path / "prepared"
    assert set(run(plates, out).plates_done) == {"PlateA", "PlateB"}
    untouched = content_of(out / "images")["PlateA.npy"]
    changed = site_file(plates, "PlateB", "B02", 1, 1)
    tifffile.imwrite(changed, tifffile.imread(changed)[::-1])
    done = run(plates, out)
    assert done.plates_done == {"PlateB": "1 file changed"}
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
    with pytest.raises(InputError, match=r"48 x 48 pixels and plate PlateB of 32 x 32.*: give a smaller --size, or"):
        run(plates, out)
    with pytest.raises(InputError, match=r"96 x 96 .* of 32 x 40, and a store holds one size: prepare them apart"):
        check_sizes({"PlateA": (96, 96), "PlateB": (32, 40)})
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
    assert "1 image changed without a change of time or size (PlateA B03 s2 ER)" in done.plates_done["PlateA"]


def test_exclusions_survive_reruns(plates: Path, tmp_path: Path) -> None:
    listed = tmp_path / "bad.csv"
    listed.write_text("plate,well,site,reason\nPlateA,B03,2,bubble\nPlateA,C09,,nothing there\n")
    out = tmp_path / "prepared"
    done = run(plates, out, exclude=listed)
    assert done.notes == ("--exclude: rows that name no site of the store: 1",)
    listed.unlink()
    run(plates, out)
    sites = pd.read_parquet(out / "sites.parquet")
    excluded = sites[sites[schema.FLAG_EXCLUDED]]
    assert excluded[[schema.WELL, schema.SITE, schema.FLAG_REASON]].values.tolist() == [["B03", 2, "bubble"]]
    assert excluded[schema.FLAG_ANY].all()


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


def test_what_is_lost_from_a_store_is_made_anew(plates: Path, tmp_path: Path) -> None:
    """A store that was tidied up by hand, or copied in part, stayed broken, and ended as an internal error."""
    write_plate(plates, "PlateB", 2, wells=["B02"])
    out = tmp_path / "prepared"
    run(plates, out)
    wanted = content_of(out)
    shard = out / ".plates" / "PlateB"
    for file, content in (
        (out / "images/PlateB.npy", b""),
        (out / "illumination/PlateB/ER.npz", None),
        (shard / "plate.json", b"{"),
        (shard / "inputs.json", b""),
        (shard / "sites.parquet", b"PAR1"),
        (shard / "quarantine.json", None),
    ):
        file.unlink() if content is None else file.write_bytes(content)
        done = run(plates, out)
        assert list(done.plates_done) == ["PlateB"]
        assert done.plates_done["PlateB"].endswith(": made anew")
        assert content_of(out) == wanted
    (shard / "plate.json").unlink()
    with pytest.raises(StoreError, match="its plate PlateB is not among those of this run"):
        run(plates, out, plates=["PlateA"])


def test_remains_of_a_killed_run_are_cleared(plates: Path, tmp_path: Path) -> None:
    out = tmp_path / "prepared"
    run(plates, out)
    wanted = content_of(out)
    work = out / ".plates/PlateA/work"
    work.mkdir()
    for file in (work / "images.npy", out / ".sites.parquet.part", out / ".plates/PlateA/.inputs.json.part"):
        file.write_bytes(b"half")
    assert run(plates, out).plates_done == {}
    assert content_of(out) == wanted
    assert not work.exists()


def test_a_store_among_the_images_is_refused(plates: Path, tmp_path: Path) -> None:
    """The next run would have taken the folder for a store, and have found no plate in it."""
    for out in (plates, plates / "PlateA", plates / "PlateA/TimePoint_1"):
        with pytest.raises(InputError, match="the plates' images lie in this folder: choose another --out"):
            run(plates, out)
    with pytest.raises(InputError, match=r"nothing\.csv: no such file"):
        run(plates, tmp_path / "prepared", exclude=tmp_path / "nothing.csv")
    assert not (tmp_path / "prepared").exists()
    assert {path.name for path in plates.iterdir()} == {"PlateA"}
    run(plates, plates / "prepared")
    assert run(plates, plates / "prepared").plates_done == {}


def test_what_failed_for_a_moment_is_said_and_done_anew(
    plates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A share that fails during pass one alone leaves no row in quarantine, and its fields rest on fewer images."""
    whole = sampling._native.sample_field

    def without_first(sources: list[list[str]], *rest: object) -> SimpleNamespace:
        part = whole(sources[1:], *rest)
        kept = {name: getattr(part, name) for name in ("n_images", "thumbnails", "samples")}
        return SimpleNamespace(failed=[(0, "Input/output error")], **kept)

    out, said = tmp_path / "prepared", Lines()
    with monkeypatch.context() as patched:
        patched.setattr(sampling._native, "sample_field", without_first)
        run(plates, out, reporter=said)
    assert any("PlateA: 2 images could not be read at first" in line for line in said.lines)
    assert len(pd.read_parquet(out / "sites.parquet")) == 12
    assert list(run(plates, out).plates_done) == ["PlateA"]
    run(plates, tmp_path / "fresh")
    assert content_of(out) == content_of(tmp_path / "fresh")


class Lines(Silent):
    """A reporter that keeps what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)
