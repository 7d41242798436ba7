"""Files: whole or not there, the same bytes each time."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kinfast import schema
from kinfast.config import PreprocessConfig
from kinfast.domain import Plate, QuarantineRow
from kinfast.errors import InputError
from kinfast.preprocess import atomic
from kinfast.preprocess.duplicates import find_duplicates
from kinfast.preprocess.exclusions import apply_exclusions, keep_exclusions, read_exclusions
from kinfast.preprocess.inputs import readable_again, unreadable_files
from kinfast.preprocess.plan import PlateTask, stored_shape
from kinfast.preprocess.plate_task import PIXEL_HASH, batch_sites
from kinfast.preprocess.rows import RowWriter
from kinfast.preprocess.sampling import choose_sites
from kinfast.preprocess.shard import folder_name


def test_rows_become_a_plain_npy(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).integers(0, 256, (7, 5, 4, 3), np.uint8)
    with RowWriter(tmp_path / "a.npy", (5, 4, 3)) as writer:
        writer.append(rows[:4])
        writer.append(rows[:0])  # a batch without a sound site
        writer.append(rows[4:][::1])
        writer.commit()
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    np.testing.assert_array_equal(mapped, rows)
    assert mapped.flags.c_contiguous


def test_rows_of_another_shape_are_refused(tmp_path: Path) -> None:
    with RowWriter(tmp_path / "a.npy", (5, 4, 3)) as writer, pytest.raises(ValueError, match="wanted uint8"):
        writer.append(np.zeros((1, 5, 4, 2), np.uint8))


def test_a_file_is_replaced_whole_and_an_equal_one_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "a.txt"
    atomic.write_bytes(file, b"one")
    before = file.stat().st_mtime_ns, file.stat().st_ino
    atomic.write_bytes(file, b"one")
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == before
    atomic.write_bytes(file, b"two")
    assert file.read_bytes() == b"two"
    assert [path.name for path in file.parent.iterdir()] == ["a.txt"]


def test_npz_files_do_not_carry_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = {"flatfield": np.eye(3, dtype=np.float32), "verdict": np.array("corrected"), "empty": np.empty((0, 2))}
    atomic.write_npz(tmp_path / "a.npz", {name: partial(np.asarray, a) for name, a in arrays.items()})
    monkeypatch.setattr("time.time", lambda: 2e9)
    atomic.write_npz(tmp_path / "b.npz", {name: partial(np.asarray, a) for name, a in arrays.items()})
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with np.load(tmp_path / "a.npz") as stored:
        assert {name: stored[name].shape for name in stored.files} == {
            "flatfield": (3, 3),
            "verdict": (),
            "empty": (0, 2),
        }
        assert str(stored["verdict"]) == "corrected"
        np.testing.assert_array_equal(stored["flatfield"], np.eye(3))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "b.npz"]


def test_the_sample_is_seeded_by_the_plates_name() -> None:
    first = choose_sites("P1", 1000, 50, 0)
    assert first.tolist() == choose_sites("P1", 1000, 50, 0).tolist() == sorted(set(first.tolist()))
    assert first.tolist() != choose_sites("P2", 1000, 50, 0).tolist()
    assert choose_sites("P1", 30, 50, 0).tolist() == list(range(30))


@pytest.mark.parametrize(
    ("raw", "side", "stored"),
    [
        ((2160, 2160), 256, (256, 256)),
        ((520, 696), 256, (256, 343)),
        ((100, 80), 256, (100, 80)),
        ((1, 1), 256, (1, 1)),
    ],
)
def test_the_shorter_side_shrinks_and_never_grows(raw: tuple[int, int], side: int, stored: tuple[int, int]) -> None:
    assert stored_shape(raw, side) == stored


def test_memory_bounds_the_batch() -> None:
    assert batch_sites((256, 256), 5) == 64
    assert batch_sites((2160, 2160), 5) == 11
    assert batch_sites((30000, 30000), 5) == 1


@pytest.mark.parametrize(("plate", "name"), [("P1", "P1"), ("a/b", "a%2Fb"), ("..", "%2E."), ("50%", "50%25")])
def test_any_plate_can_be_a_folder(plate: str, name: str) -> None:
    assert folder_name(plate) == name


def sites() -> pd.DataFrame:
    wells = ["B02", "B02", "B03", "B03"]
    return pd.DataFrame(
        {schema.PLATE: ["P1"] * 4, schema.WELL: wells, schema.SITE: [1, 2, 1, 2], schema.TIMEPOINT: [1] * 4}
    )


def test_exclusions_name_sites_wells_and_plates(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    text = "Plate,Metadata_Well, site ,Reason\nP1,b2,2,bubble\n,,,\nP1,B3,,edge\nP9,,,lost\nP1,B02,7,\n"
    for spelled in (text, "\ufeff" + text.replace(",", ";").replace("\n", "\r\n")):
        file.write_text(spelled)
        reasons, unmatched = apply_exclusions(sites(), read_exclusions(file))
        assert reasons == ["", "bubble", "edge", "edge"]
        assert unmatched == 2


def test_exclusions_are_kept_and_replaced(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("plate,well,site,reason\nP1,B02,1,bubble\n")
    out = tmp_path / "store"
    assert len(keep_exclusions(out, None)) == 0
    keep_exclusions(out, read_exclusions(file))
    assert apply_exclusions(sites(), keep_exclusions(out, None))[0] == ["bubble", "", "", ""]
    file.write_text("plate,well,site,reason\n")
    keep_exclusions(out, read_exclusions(file))
    assert apply_exclusions(sites(), keep_exclusions(out, None))[0] == [""] * 4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("well,site\nB02,1\n", "no column plate"),
        ("plate,site\nP1,one\n", "'one' is no number"),
        ("", "has no rows"),
        (",B02,1\n,B03,1\n".replace(",B02", "plate,well,site\n,B02", 1), "row 2 names no plate"),
        ("plate,well\nP1,ZZZ\n", "x.csv: 'ZZZ' is no well"),
    ],
)
def test_a_wrong_list_is_one_clear_line(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "x.csv").write_text(content)
    with pytest.raises(InputError, match=message):
        read_exclusions(tmp_path / "x.csv")


def test_doubles_are_found_across_wells_and_within() -> None:
    table = pd.concat([sites(), sites().assign(**{schema.PLATE: "P2"})], ignore_index=True)
    table[PIXEL_HASH + "DNA"] = np.array([1, 1, 3, 4, 5, 6, 4, 8], np.uint64)
    table[schema.quality("min", "DNA")] = 0.0
    table[schema.quality("max", "DNA")] = 9.0
    found = find_duplicates(table, ("DNA",))
    assert [i for i, reason in enumerate(found) if reason] == [1, 3, 6]
    assert found[1] == "duplicate: DNA as in P1 B02 s1"
    assert found[3] == "duplicate: DNA as in P2 B03 s1"
    assert found[6] == "duplicate: DNA as in P1 B03 s2"


def test_blank_images_are_no_doubles() -> None:
    table = sites()
    table[PIXEL_HASH + "DNA"] = np.array([1, 1, 1, 1], np.uint64)
    table[schema.quality("min", "DNA")] = table[schema.quality("max", "DNA")] = 0.0
    assert find_duplicates(table, ("DNA",)) == [""] * 4


def test_a_file_that_could_not_be_opened_is_tried_again(tmp_path: Path) -> None:
    task = PlateTask(tmp_path, Plate("P", ()), ("DNA",), None, {}, frozenset(), None, PreprocessConfig())
    reasons = {
        "a.tif": "Permission denied",
        "": "no image of this channel",
        "odd.tif": "image is 2x8 pixels, wanted 4x8",
        "there.tif": f"{tmp_path}/there.tif: Input/output error",
    }
    rows = [QuarantineRow(path, "P", "B02", 1, "DNA", reason) for path, reason in reasons.items()]
    before = {"unreadable": unreadable_files(rows)}
    assert before == {"unreadable": ["a.tif", "there.tif"]}
    (tmp_path / "there.tif").write_bytes(b"x")
    assert readable_again(task, before) == ["there.tif"]
