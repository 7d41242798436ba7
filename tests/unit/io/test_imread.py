"""kinfast.io: what goes in, what comes out, and what is said when it cannot be done."""

import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from kinfast import io

IMAGE = np.arange(30 * 20, dtype=np.uint16).reshape(30, 20)


def encode(image: NDArray[Any], **options: Any) -> bytes:
    buffer = BytesIO()
    tifffile.imwrite(buffer, image, **options)
    return buffer.getvalue()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "A01_s1_w1.tif"
    file.write_bytes(encode(IMAGE, compression="lzw"))
    return file


class TestSources:
    def test_path_string_and_bytes_give_the_same(self, path: Path) -> None:
        for source in (path, str(path), path.read_bytes()):
            np.testing.assert_array_equal(io.imread(source), IMAGE)

    def test_a_name_that_is_not_ascii(self, tmp_path: Path) -> None:
        file = tmp_path / "Zellkern µ 細胞.tif"
        file.write_bytes(encode(IMAGE))
        np.testing.assert_array_equal(io.imread(file), IMAGE)

    def test_a_missing_file_is_an_os_error_that_names_it(self, tmp_path: Path) -> None:
        with pytest.raises(OSError, match=r"absent\.tif: No such file") as caught:
            io.imread(tmp_path / "absent.tif")
        assert isinstance(caught.value, io.IoError)

    def test_a_folder_is_an_os_error(self, tmp_path: Path) -> None:
        with pytest.raises(io.IoError, match="wanted a file"):
            io.imread(tmp_path)

    def test_other_things_are_type_errors(self) -> None:
        with pytest.raises(TypeError):
            io.imread(7)  # type: ignore[arg-type]

    def test_typed_errors_are_value_errors(self) -> None:
        with pytest.raises(ValueError, match="not a TIFF file") as caught:
            io.imread(b"no image, but long enough")
        assert isinstance(caught.value, io.FormatError)


class TestPages:
    def test_pages_are_counted_from_0_and_end_in_an_index_error(self) -> None:
        stack = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
        data = encode(stack, photometric="minisblack")
        assert io.read_info(data).pages == 3
        for page in range(3):
            np.testing.assert_array_equal(io.imread(data, page=page), stack[page])
        with pytest.raises(IndexError, match="the file has 3 pages"):
            io.imread(data, page=3)
        with pytest.raises(IndexError, match="page -1"):
            io.imread(data, page=-1)
        with pytest.raises(IndexError):
            io.read_info(data, page=3)


class TestOut:
    def test_out_is_filled_and_given_back(self, path: Path) -> None:
        out = np.zeros_like(IMAGE)
        assert io.imread(path, out=out) is out
        np.testing.assert_array_equal(out, IMAGE)

    @pytest.mark.parametrize("dtype", [np.uint8, np.int16, ">u2", np.float32])
    def test_another_dtype_is_a_type_error(self, path: Path, dtype: Any) -> None:
        with pytest.raises(TypeError, match="wanted uint16"):
            io.imread(path, out=np.zeros(IMAGE.shape, dtype))

    def test_another_shape_or_layout_is_a_value_error(self, path: Path) -> None:
        with pytest.raises(ValueError, match=r"found shape \(20, 30\), wanted \(30, 20\)"):
            io.imread(path, out=np.zeros((20, 30), np.uint16))
        with pytest.raises(ValueError, match="not C-contiguous"):
            io.imread(path, out=np.zeros((20, 30), np.uint16).T)
        frozen = np.zeros_like(IMAGE)
        frozen.flags.writeable = False
        with pytest.raises(ValueError, match="read-only"):
            io.imread(path, out=frozen)


class TestMany:
    def test_order_is_kept_for_any_number_of_threads(self) -> None:
        images = [np.full((5 + i, 7), i, np.uint16) for i in range(150)]
        sources = [encode(image, compression="zlib") for image in images]
        for threads in (1, 2, 5):
            for image, found in zip(images, io.imread_many(sources, threads=threads), strict=True):
                np.testing.assert_array_equal(found, image)

    def test_errors_are_raised_in_order_or_returned_in_place(self, path: Path, tmp_path: Path) -> None:
        sources = [path, b"broken broken", tmp_path / "absent.tif", path]
        with pytest.raises(io.FormatError):
            io.imread_many(sources, threads=2)
        found = io.imread_many(sources, threads=2, errors="return")
        np.testing.assert_array_equal(found[0], IMAGE)
        assert isinstance(found[1], io.FormatError)
        assert isinstance(found[2], io.IoError)
        assert "absent.tif" in str(found[2])
        np.testing.assert_array_equal(found[3], IMAGE)

    def test_nothing_gives_nothing_and_a_wrong_word_is_refused(self) -> None:
        assert io.imread_many([], threads=3) == []
        with pytest.raises(ValueError, match="wanted 'raise' or 'return'"):
            io.imread_many([], errors="ignore")  # type: ignore[arg-type]


class TestInfo:
    def test_of_a_tiled_big_endian_page(self) -> None:
        data = encode(IMAGE, tile=(16, 16), byteorder=">", bigtiff=True, compression="zlib", predictor=True)
        info = io.read_info(data)
        assert (info.shape, info.dtype, info.bits, info.samples) == ((30, 20), "uint16", 16, 1)
        assert (info.compression, info.predictor, info.photometric) == ("deflate", 2, "minisblack")
        assert (info.tiled, info.big_tiff, info.byte_order, info.pages) == (True, True, "big", 1)
        assert info.pixel_um is None

    @pytest.mark.parametrize(
        ("options", "pixel_um"),
        [
            ({"ome": True, "metadata": {"PhysicalSizeX": 0.3, "PhysicalSizeXUnit": "µm"}}, 0.3),
            ({"ome": True, "metadata": {"PhysicalSizeX": 325.0, "PhysicalSizeXUnit": "nm"}}, 0.325),
            ({"imagej": True, "resolution": (1 / 0.65, 1 / 0.65), "metadata": {"unit": "um"}}, 0.65),
            ({"resolution": (20000, 20000), "resolutionunit": "CENTIMETER", "metadata": None}, 0.5),
            (
                {"resolution": (72, 72), "resolutionunit": "INCH", "metadata": None},
                None,
            ),  # a screen's, not an objective's
            ({"extratags": [(33628, 4, 2, b"\0" * 16, True)], "metadata": None}, None),  # MetaMorph's, pointing nowhere
            (
                {"description": '<MetaData><prop id="spatial-calibration-x" type="float" value="0.656"/></MetaData>'},
                0.656,
            ),
        ],
    )
    def test_the_size_of_a_pixel(self, options: dict[str, Any], pixel_um: float | None) -> None:
        found = io.read_info(encode(IMAGE, **options)).pixel_um
        # A resolution is a quotient of two 32-bit integers: at least six digits survive.
        assert found == pixel_um if pixel_um is None else found == pytest.approx(pixel_um, rel=1e-6)


@pytest.mark.data
def test_metamorph_tells_the_size_of_a_pixel_in_its_own_tag(test_data: Path) -> None:
    file = next((test_data / "plates/imagexpress-bbbc022-dna").rglob("*_s1_w1*.tif"))
    with tifffile.TiffFile(file) as oracle:
        wanted = float(oracle.pages[0].tags[33628].value["XCalibration"])
    assert io.read_info(file).pixel_um == pytest.approx(wanted, rel=1e-9)  # both divide the same two integers


class TestLargeFiles:
    """Offsets past 2 and 4 GiB, in files with a hole: no test writes gigabytes, and none reads them."""

    @pytest.mark.parametrize(("big_tiff", "gap"), [(False, 3 * 2**30), (True, 5 * 2**30)])
    def test_only_the_page_is_read(self, tmp_path: Path, big_tiff: bool, gap: int) -> None:
        word = "Q" if big_tiff else "I"
        pixels = gap
        ifd = gap + IMAGE.nbytes
        fields = [(256, 20), (257, 30), (258, 16), (259, 1), (262, 1), (273, pixels), (278, 30), (279, IMAGE.nbytes)]
        entries = b"".join(
            struct.pack(f"<HH{word}{word}", tag, 16 if big_tiff else 4, 1, value) for tag, value in fields
        )
        header = struct.pack("<2sHHHQ", b"II", 43, 8, 0, ifd) if big_tiff else struct.pack("<2sHI", b"II", 42, ifd)
        file = tmp_path / "sparse.tif"
        with file.open("wb") as stream:
            stream.write(header)
            stream.seek(pixels)
            stream.write(IMAGE.astype("<u2").tobytes())
            stream.write(struct.pack("<Q" if big_tiff else "<H", len(fields)) + entries + struct.pack(f"<{word}", 0))
        np.testing.assert_array_equal(io.imread(file), IMAGE)
        np.testing.assert_array_equal(io.imread_many([file])[0], IMAGE)
