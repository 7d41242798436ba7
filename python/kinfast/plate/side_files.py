"""The microscopes' own tables: what they say of channels, pixel size and plate, where they lie beside the images."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

SIDE_IMAGES = 400
"""Image records of an Index.idx.xml after which all channels have been seen."""


@dataclass(frozen=True, slots=True)
class SideInfo:
    """What a side file says; empty where it says nothing.

    Attributes:
        path: relative to the root.
        channels: the channel's number in names of files -> what the microscope calls it.
        pixel_um: micrometres per pixel of the images as stored.
        plate: the plate's name or barcode.
        n_images: how many images it lists; None where it lists none.
        problem: why it could not be read.
    """

    path: str
    channels: dict[str, str] = field(default_factory=dict)
    pixel_um: float | None = None
    plate: str = ""
    n_images: int | None = None
    problem: str = ""


def read_side_files(root: Path, folders: Iterable[str], names: Iterable[str]) -> list[SideInfo]:
    """Read the side files that lie in folders of images, or one folder above."""
    places = sorted({place for folder in folders for place in (folder, folder.rpartition("/")[0])})
    found = []
    for place in places:
        for name in names:
            path = root / place / name
            if path.is_file():
                found.append(_read(path, f"{place}/{name}" if place else name))
    return found


def _read(path: Path, relative: str) -> SideInfo:
    readers = {".mrf": _read_measurement_detail, ".mlf": _read_measurement_data}
    reader = readers.get(path.suffix.lower(), _read_harmony_index)
    try:
        return reader(path, relative)
    except (ElementTree.ParseError, OSError, ValueError) as error:
        return SideInfo(relative, problem=f"{relative} cannot be read ({error}): nothing is taken from it")


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _attributes(element: ElementTree.Element) -> dict[str, str]:
    return {_local(key): value for key, value in element.attrib.items()}


def _records(path: Path) -> Iterator[ElementTree.Element]:
    """Give each finished element and forget it, so that a table of 100 MB needs no memory."""
    for _, element in ElementTree.iterparse(path, events=("end",)):
        yield element


def _read_harmony_index(path: Path, relative: str) -> SideInfo:
    channels: dict[str, str] = {}
    pixel_um: float | None = None
    plate, seen, number = "", 0, ""
    entry: dict[str, str] = {}
    for element in _records(path):
        tag, text = _local(element.tag), (element.text or "").strip()
        if tag in ("PlateID", "Name") and not plate and text:
            plate = text
        elif tag in ("ChannelID", "ChannelName", "ImageResolutionX", "BinningX"):
            entry[tag] = text
        elif tag in ("Entry", "Image"):
            number = entry.get("ChannelID") or element.attrib.get("ChannelID", "")
            if number and entry.get("ChannelName"):
                channels[str(int(number))] = entry["ChannelName"]
            if entry.get("ImageResolutionX"):
                pixel_um = round(float(entry["ImageResolutionX"]) * 1e6, 6)  # metres in the file
            entry = {}
            element.clear()
            seen += tag == "Image"
            if seen > SIDE_IMAGES:
                break
    return SideInfo(relative, channels, pixel_um, plate)


def _read_measurement_detail(path: Path, relative: str) -> SideInfo:
    pixel_um: float | None = None
    plate = ""
    for element in _records(path):
        attributes = _attributes(element)
        if _local(element.tag) == "MeasurementSamplePlate":
            plate = attributes.get("Name", "")
        elif _local(element.tag) == "MeasurementChannel" and attributes.get("HorizontalPixelDimension"):
            pixel_um = float(attributes["HorizontalPixelDimension"])
    return SideInfo(relative, pixel_um=pixel_um, plate=plate)


def _read_measurement_data(path: Path, relative: str) -> SideInfo:
    n_images = 0
    for element in _records(path):
        if _local(element.tag) == "MeasurementRecord":
            n_images += _attributes(element).get("Type") == "IMG"
            element.clear()
    return SideInfo(relative, n_images=n_images)
