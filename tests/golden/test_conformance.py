"""Every file of the conformance corpus: the pixels that tifffile decodes, or an error that names what is not decoded.

What is expected follows from the columns of `expected.csv` alone. The test ids carry the verdict, so that
`pytest -v` (or `--collect-only -q`) counts them: `equal-...`, `unsupported-...`, `refused-...`.
"""

import csv
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kinfast import io

DECODED_COMPRESSIONS = {"1", "NONE", "PACKBITS", "LZW", "DEFLATE", "ADOBE_DEFLATE", "ZSTD"}

Row = dict[str, str]


def read_rows() -> Iterator[Row]:
    folder = os.environ.get("KINFAST_TEST_DATA")
    table = Path(folder or "/nonexistent") / "tiff" / "conformance" / "expected.csv"
    if table.is_file():
        with table.open(newline="") as file:
            yield from csv.DictReader(file)


def expected_outcome(row: Row) -> str:
    """equal, unsupported or refused (damaged, or larger than any image)."""
    if row["status"] == "open-fail":
        return "refused"
    subsampled = row["photometric"] == "YCBCR" and row["status"] == "decode-fail"
    if row["compression"] not in DECODED_COMPRESSIONS or row["sampleformat"].startswith("COMPLEX") or subsampled:
        return "unsupported"
    return "equal" if row["status"] == "ok" else "refused"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "row" in metafunc.fixturenames:
        rows = list(read_rows())
        metafunc.parametrize("row", rows, ids=[f"{expected_outcome(row)}-{row['file']}" for row in rows])


@pytest.mark.data
def test_page_0_is_as_tifffile_decodes_it_or_named_as_not_decoded(row: Row, test_data: Path) -> None:
    path = test_data / "tiff" / "conformance" / row["file"]
    outcome = expected_outcome(row)
    if outcome == "equal":
        pixels = io.imread(path)
        little_endian = pixels.astype(pixels.dtype.newbyteorder("<"), copy=False)
        assert hashlib.sha256(little_endian.tobytes()).hexdigest() == row["page0_sha256_le"]
        assert pixels.dtype.name == row["dtype"].replace("bool", "uint8")
    elif outcome == "unsupported":
        with pytest.raises(io.UnsupportedError, match="not decoded; wanted"):
            io.imread(path)
    else:
        with pytest.raises((io.FormatError, io.LimitsError), match="found"):
            io.imread(path)


@pytest.mark.data
def test_info_agrees_with_the_table(row: Row, test_data: Path) -> None:
    if expected_outcome(row) != "equal":
        with pytest.raises(io.TiffError):
            io.read_info(test_data / "tiff" / "conformance" / row["file"])
        return
    info = io.read_info(test_data / "tiff" / "conformance" / row["file"])
    found = (info.bits, info.samples, info.byte_order, info.big_tiff, info.tiled, info.pages)
    wanted = (
        int(row["bits"]),
        int(row["samples"]),
        {"LE": "little", "BE": "big"}[row["byteorder"]],
        row["bigtiff"] == "1",
        row["layout"].startswith("tile"),
        int(row["pages"]),
    )
    assert found == wanted
    assert info.shape[-2:] == (int(row["height"]), int(row["width"])) or info.samples > 1 or len(info.shape) > 2


"""The last line allows a sample axis; where there is none, the two last axes are rows and columns."""


@pytest.mark.data
def test_the_corpus_is_whole(test_data: Path) -> None:
    files = {row["file"] for row in read_rows()}
    assert len(files) == 356
    assert all((test_data / "tiff" / "conformance" / file).is_file() for file in files)
