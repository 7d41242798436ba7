"""What the files themselves say: type, size and compression from a sample of TIFF headers, no pixel read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kinfast.domain import ImageFile
from kinfast.io import read_info
from kinfast.plate.plate_set import PlateSet
from kinfast.progress import Reporter, Silent


@dataclass(frozen=True, slots=True)
class Header:
    """One file's header. `problem` is empty where it could be read.

    Attributes:
        channel: the channel's name.
        path: relative to the root.
        form: (shape, type in words, compression) that files of one kind share.
        pages: in the file.
        pixel_um: micrometres per pixel, where the file says so.
    """

    channel: str
    path: str
    form: tuple[tuple[int, ...], str, str] = ((), "", "")
    pages: int = 1
    pixel_um: float | None = None
    problem: str = ""


def read_headers(found: PlateSet, count: int, reporter: Reporter | None = None) -> tuple[Header, ...]:
    """Read the headers of up to `count` images, evenly spread over plates and channels."""
    files = _spread(found, count)
    reporter = reporter or Silent()
    reporter.stage("reading headers", len(files), "files")
    headers = []
    for file in files:
        headers.append(_read(found.root, file))
        reporter.advance()
    return tuple(headers)


def _spread(found: PlateSet, count: int) -> list[ImageFile]:
    chosen: list[ImageFile] = []
    for index in range(len(found.spec.channels)):
        files = [site.channels[index][0] for plate in found.plates for site in plate.sites]
        chosen += _every(files, max(1, count // len(found.spec.channels)))
    return chosen


def _every(files: Sequence[ImageFile], count: int) -> Sequence[ImageFile]:
    return files[:: max(1, -(-len(files) // count))]


def _read(root: Path, file: ImageFile) -> Header:
    try:
        info = read_info(root / file.path, page=file.page)
    except (ValueError, OSError) as error:
        return Header(file.channel, file.path, problem=" ".join(str(error).split()))
    kind = info.dtype if info.photometric != "palette" else f"{info.dtype} palette"
    compression = info.compression if info.predictor in (0, 1) else f"{info.compression} + predictor"
    return Header(file.channel, file.path, (tuple(info.shape), kind, compression), info.pages, info.pixel_um)
