"""The fused pass equals its kernels one after another, and costs nothing but the bad site."""

import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from kinfast import _native

SHAPE = (61, 83)
STORED = (20, 27)
N_SITES = 5
FLAT = np.array([[0.8, 1.0, 0.9], [1.0, 1.3, 1.1]], np.float32)
DARK = np.array([[100.0, 104.5], [99.0, 101.0], [98.0, 120.0]], np.float32)


def plans() -> list[_native.ChannelPlan]:
    one, none = np.ones((1, 1), np.float32), np.zeros((1, 1), np.float32)
    common = {"saturation_value": 4095}
    return [
        _native.ChannelPlan(flatfield=FLAT, darkfield=DARK, low=10, high=2500, **common),
        _native.ChannelPlan(
            flatfield=one, darkfield=none, low=0, high=4095, nuclei_threshold=900.0, nuclei_min_area=3, **common
        ),
        _native.ChannelPlan(flatfield=FLAT, darkfield=none, low=-5, high=255, **common),
    ]


def raw_image(rng: np.random.Generator) -> NDArray[np.uint16]:
    """Blobs a few pixels wide, so that there are components to count."""
    coarse = rng.integers(0, 2500, (16, 21))
    image = np.kron(coarse, np.ones((4, 4)))[: SHAPE[0], : SHAPE[1]]
    return (image + rng.integers(0, 30, SHAPE)).astype(np.uint16)


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> list[list[list[str]]]:
    """Five sites of three channels: one plane; two planes, LZW; eight bits, Deflate."""
    folder, rng = tmp_path_factory.mktemp("plate"), np.random.default_rng(0)

    def write(name: str, image: NDArray[Any], **how: Any) -> str:
        tifffile.imwrite(folder / name, image, photometric="minisblack", **how)
        return str(folder / name)

    return [
        [
            [write(f"{site}-a.tif", raw_image(rng))],
            [write(f"{site}-b{z}.tif", raw_image(rng), compression="lzw", predictor=2) for z in range(2)],
            [write(f"{site}-c.tif", (raw_image(rng) // 16).astype(np.uint8), compression="zlib", rowsperstrip=7)],
        ]
        for site in range(N_SITES)
    ]


def process(
    sites: list[list[list[str]]], threads: int = 1
) -> tuple[NDArray[np.uint8], list[list[_native.ChannelResult]]]:
    out = np.full((len(sites), *STORED, 3), 77, np.uint8)
    return out, _native.process_sites(sites, plans(), SHAPE, out, threads)


def bits_of(path: str) -> int:
    with tifffile.TiffFile(path) as tiff:
        return int(tiff.pages.first.bitspersample)


def facts(result: _native.ChannelResult) -> list[Any]:
    statistics = result.statistics
    return [
        result.error, result.corrected_mean, result.corrected_std, result.nuclei, result.nuclei_pixels,
        result.file_hash, result.pixel_hash, statistics.minimum, statistics.maximum, statistics.mean, statistics.std,
        statistics.saturated_fraction, statistics.focus, statistics.noise,
        statistics.level_step, result.detail, *statistics.percentiles.tolist(),
    ]  # fmt: skip


def test_the_fused_pass_equals_the_single_kernels(sites: list[list[list[str]]]) -> None:
    out, results = process(sites)
    fields = [(FLAT, DARK), (np.ones((1, 1), np.float32), np.zeros((1, 1), np.float32))]
    fields.append((FLAT, fields[1][1]))
    windows = [(10, 2500), (0, 4095), (-5, 255)]
    for site, channels in enumerate(sites):
        for channel, planes in enumerate(channels):
            decoded = [tifffile.imread(path).astype(np.uint16) for path in planes]
            raw = _native.max_project(decoded)
            resized = _native.area_resize(_native.correct(raw, *fields[channel]), *STORED)
            np.testing.assert_array_equal(out[site, ..., channel], _native.quantise(resized, *windows[channel]))

            result, statistics = results[site][channel], _native.statistics(raw, 4095)
            assert result.error == ""
            assert facts(result)[7:11] == [statistics.minimum, statistics.maximum, statistics.mean, statistics.std]
            assert result.statistics.focus == statistics.focus
            assert result.statistics.level_step == statistics.level_step
            assert result.statistics.noise == statistics.noise
            assert result.detail == _native.detail(resized)
            assert result.bits == max(bits_of(path) for path in planes)
            assert result.statistics.percentiles.tolist() == statistics.percentiles.tolist()
            assert result.pixel_hash == _native.hash_bytes(raw)
            if len(planes) == 1:
                assert result.file_hash == _native.hash_bytes(Path(planes[0]).read_bytes())
            # 540 additions in another order, in double: each within 2^-53 of the sum.
            assert result.corrected_mean == pytest.approx(resized.mean(dtype=np.float64), rel=540 * 2.0**-53)
            assert result.corrected_std == pytest.approx(resized.std(dtype=np.float64), rel=1e-11)
            if channel == 1:
                assert (result.nuclei, result.nuclei_pixels) == _native.count_nuclei(resized, 900.0, 3)
                assert result.nuclei_pixels > 0
            else:
                assert result.nuclei == -1


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("offset", [200, 201])
def test_uncompressed_pixels_are_used_where_they_lie(tmp_path: Path, order: str, offset: int) -> None:
    """In native byte order at an even offset there is no copy; elsewhere there must be one."""
    image, path = raw_image(np.random.default_rng(3)), tmp_path / "stored.tif"
    for behind in (b"", b"metadata"):  # of which the file's hash knows, too
        path.write_bytes(tiff_at(image, order, offset) + behind)
        np.testing.assert_array_equal(_native.decode(str(path), 0, None), image)
        _, results = process([[[str(path)]] * 3])
        assert [result.pixel_hash for result in results[0]] == [_native.hash_bytes(image)] * 3
        assert [result.file_hash for result in results[0]] == [_native.hash_bytes(path.read_bytes())] * 3


def test_a_truncated_uncompressed_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "short.tif"
    path.write_bytes(tiff_at(raw_image(np.random.default_rng(4)), "<", 200)[:-1])
    _, results = process([[[str(path)]] * 3])
    assert all("found 10125 bytes at offset 200" in result.error for result in results[0])


def tiff_at(image: NDArray[np.uint16], order: str, offset: int) -> bytes:
    """A file whose one strip begins at any offset, odd ones too, which tifffile never writes."""
    tags = [(256, 4, SHAPE[1]), (257, 4, SHAPE[0]), (258, 3, 16), (259, 3, 1), (262, 3, 1), (273, 4, offset)]
    tags += [(277, 3, 1), (278, 4, SHAPE[0]), (279, 4, image.nbytes)]
    entry = {3: "HHIHH", 4: "HHII"}
    header = struct.pack(order + "2sHIH", b"II" if order == "<" else b"MM", 42, 8, len(tags))
    body = [struct.pack(order + entry[kind], tag, kind, 1, value, *[0] * (kind == 3)) for tag, kind, value in tags]
    head = header + b"".join(body) + bytes(4)
    return head + bytes(offset - len(head)) + image.astype(f"{order}u2").tobytes()


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_any_number_of_threads_gives_the_same(sites: list[list[list[str]]], threads: int) -> None:
    out, results = process(sites)
    other_out, other_results = process(sites, threads)
    np.testing.assert_array_equal(other_out, out)
    assert [[facts(r) for r in row] for row in other_results] == [[facts(r) for r in row] for row in results]


def test_every_instruction_set_gives_the_same(sites: list[list[list[str]]], tmp_path: Path) -> None:
    """In processes of their own, because the choice is made once."""
    (tmp_path / "sites.json").write_text(json.dumps(sites))
    answers = {}
    for isa in _native.available_isas():
        environment = {**os.environ, "KINFAST_FORCE_ISA": isa}
        command = [sys.executable, __file__, str(tmp_path / "sites.json")]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        answers[isa] = json.loads(done.stdout)
        assert answers[isa].pop("isa") == isa
    assert len(answers) >= 1
    assert all(answer == answers["scalar"] for answer in answers.values())


def test_an_unknown_instruction_set_is_an_error(tmp_path: Path) -> None:
    environment = {**os.environ, "KINFAST_FORCE_ISA": "abacus"}
    code = "from kinfast import _native; _native.active_isa()"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "ValueError: KINFAST_FORCE_ISA=abacus" in done.stderr


def test_a_bad_file_costs_its_site_and_says_why(sites: list[list[list[str]]], tmp_path: Path) -> None:
    good_out, _ = process(sites)
    whole = Path(sites[1][0][0]).read_bytes()
    (tmp_path / "short.tif").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.tif").write_text("not an image")
    tifffile.imwrite(tmp_path / "small.tif", np.zeros((5, 6), np.uint16))
    tifffile.imwrite(tmp_path / "float.tif", np.zeros(SHAPE, np.float32))
    tifffile.imwrite(tmp_path / "rgb.tif", np.zeros((*SHAPE, 3), np.uint8), photometric="rgb")
    bad = [str(tmp_path / f"{name}.tif") for name in ("short", "text", "small", "float", "rgb", "missing")]
    broken = [sites[0], *[[sites[1][0], [path], sites[1][2]] for path in bad], [sites[1][0], [], sites[1][2]], sites[2]]
    out, results = process(broken, threads=3)
    np.testing.assert_array_equal(out[[0, -1]], good_out[[0, 2]])
    assert not out[1:-1].any()
    for row, path in zip(results[1:-1], [*bad, ""], strict=True):
        assert row[0].error == row[2].error == ""
        assert row[1].error
        assert "\n" not in row[1].error
        assert row[1].error_path == path
        assert row[1].statistics.maximum == 0
    assert results[3][1].error == "image is 5x6 pixels, wanted 61x83"


def test_arguments_that_cannot_work_are_refused(sites: list[list[list[str]]]) -> None:
    with pytest.raises(ValueError, match="site 0 has 3 channels, there are 2 plans"):
        _native.process_sites(sites, plans()[:2], SHAPE, np.empty((5, *STORED, 2), np.uint8), 1)
    with pytest.raises(ValueError, match=r"wanted \(5, height, width, 3\)"):
        _native.process_sites(sites, plans(), SHAPE, np.empty((4, *STORED, 3), np.uint8), 1)
    with pytest.raises(ValueError, match="from 61 to 62"):
        _native.process_sites(sites, plans(), SHAPE, np.empty((5, 62, 27, 3), np.uint8), 1)
    with pytest.raises(TypeError):
        _native.process_sites(sites, plans(), SHAPE, np.empty((5, *STORED, 3), np.uint8)[:, ::-1], 1)
    with pytest.raises(ValueError, match="low < high"):
        _native.ChannelPlan(flatfield=FLAT, darkfield=DARK, low=3, high=3, saturation_value=9)
    with pytest.raises(ValueError, match="flatfield"):
        _native.ChannelPlan(flatfield=0 * FLAT, darkfield=DARK, low=3, high=4, saturation_value=9)


def test_no_site_is_no_work() -> None:
    assert _native.process_sites([], plans(), SHAPE, np.empty((0, *STORED, 3), np.uint8), 2) == []


if __name__ == "__main__":
    all_bytes, all_results = process(json.loads(Path(sys.argv[1]).read_text()), threads=2)
    sys.stdout.write(
        json.dumps(
            {
                "isa": _native.active_isa(),
                "bytes": all_bytes.ravel().tolist(),
                "facts": [[facts(result) for result in row] for row in all_results],
            }
        )
    )
