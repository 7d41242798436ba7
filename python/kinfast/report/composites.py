"""Composites as image files, for people and for other tools: a folder each beside labels.csv, and panels."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from kinfast import schema
from kinfast.data.composites import Composite
from kinfast.data.store import PreparedStore
from kinfast.domain import AnyArray, StoreImages
from kinfast.errors import InputError, UsageError
from kinfast.plate.labels import write_labels_csv
from kinfast.preprocess.shard import folder_name
from kinfast.progress import Reporter

PANEL = "panel"
CAPTION_PX = 22
GAP_PX = 6
INK, GROUND = (40, 40, 40), 255
MIN_PANEL_SIDE = 192
"""Pixels of a composite's shorter side in a panel: room for its caption."""
BATCH = 64


def export_composites(
    store: PreparedStore,
    composites: Sequence[Composite],
    out: Path,
    *,
    panel: bool = False,
    reporter: Reporter,
) -> int:
    """Write every site's composites as PNG: <out>/<composite>/<plate>_<well>_s<site>.png, and <out>/labels.csv.

    Red, green and blue are the composite's channels in their order. Images are numbered as labels.csv numbers them.

    Args:
        store: the prepared plates.
        composites: of one or three channels each.
        out: folder; files that are there are written anew.
        panel: write the composites of each site side by side, too, with captions, into <out>/panel.
        reporter: told of each batch.

    Returns:
        Number of sites.

    Raises:
        UsageError: a composite has another number of channels than one or three.
        InputError: a file cannot be written.
    """
    for composite in composites:
        if len(composite.channels) not in (1, 3):
            raise UsageError(f"composite {composite.name}: {len(composite.channels)} channels; an image has 1 or 3")
    folders = [out / folder_name(composite.name) for composite in composites]
    for folder in [*folders, *([out / PANEL] if panel else [])]:
        folder.mkdir(parents=True, exist_ok=True)
    every = np.arange(len(store.channels))
    reporter.stage("composites", len(store.sites), "sites")
    for start in range(0, len(store.sites), BATCH):
        rows = np.arange(start, min(start + BATCH, len(store.sites)))
        for row, site in zip(rows, store.gather(rows, every), strict=True):
            name = image_name(store, int(row))
            pictures = [build_composite(site, composite, store.channels) for composite in composites]
            for folder, picture in zip(folders, pictures, strict=True):
                _write_png(folder / name, picture)
            if panel:
                title = _site_words(store, int(row))
                _write_png(out / PANEL / name, draw_panel(pictures, composites, title))
        reporter.advance(len(rows))
    write_labels_csv(store.sites, out / "labels.csv")
    return len(store.sites)


def build_composite(site: StoreImages, composite: Composite, channels: Sequence[str]) -> AnyArray:
    """Take a composite's channels out of a site: (h, w, C) -> (h, w, 3) RGB, or (h, w) of a single channel."""
    picked = site[..., [list(channels).index(name) for name in composite.channels]]
    return picked[..., 0] if picked.shape[-1] == 1 else picked


def image_name(store: PreparedStore, row: int) -> str:
    """Name a site's image file: plate, well, site, and the timepoint where it is not the first."""
    plate, well, site, time = (store.sites[column].iloc[row] for column in schema.KEY)
    later = f"_t{time}" if time != 1 else ""
    return f"{folder_name(str(plate))}_{well}_s{site}{later}.png"


def draw_panel(pictures: Sequence[AnyArray], composites: Sequence[Composite], title: str) -> AnyArray:
    """Put composites side by side, each under its name and channels, with the site's name above all.

    Returns:
        (H, W, 3) RGB uint8.
    """
    scale = max(1, -(-MIN_PANEL_SIDE // min(pictures[0].shape[:2])))
    parts = []
    for picture, composite in zip(pictures, composites, strict=True):
        colour = np.repeat(picture[..., None], 3, axis=2) if picture.ndim == 2 else picture
        large = np.repeat(np.repeat(colour, scale, axis=0), scale, axis=1)
        words = f"{composite.name} = {', '.join(composite.channels)}"
        parts += [np.vstack([_caption(words, large.shape[1]), large]), _blank(large.shape[0] + CAPTION_PX, GAP_PX)]
    row = np.hstack(parts[:-1])
    return np.vstack([_caption(title, row.shape[1]), row])


def _blank(height: int, width: int) -> AnyArray:
    return np.full((height, width, 3), GROUND, np.uint8)


def _caption(words: str, width: int) -> AnyArray:
    """Write a line of text on a strip, as large as it fits."""
    strip = _blank(CAPTION_PX, width)
    plain = words.encode("ascii", "replace").decode()  # OpenCV's letters are ASCII
    (length, _), _ = cv2.getTextSize(plain, cv2.FONT_HERSHEY_SIMPLEX, 0.45, 1)
    size = 0.45 * min(1.0, (width - 6) / max(length, 1))
    cv2.putText(strip, plain, (3, CAPTION_PX - 7), cv2.FONT_HERSHEY_SIMPLEX, size, INK, 1, cv2.LINE_AA)
    return strip


def _site_words(store: PreparedStore, row: int) -> str:
    site = store.sites.iloc[row]
    words = [f"{site[schema.PLATE]} {site[schema.WELL]} site {site[schema.SITE]}"]
    words += [str(site[column]) for column in (schema.COMPOUND, schema.TARGET) if isinstance(site.get(column), str)]
    dose = site.get(schema.DOSE_UM)
    words += [f"{dose:g} uM"] if isinstance(dose, float) and dose == dose else []
    return ", ".join(words)


def _write_png(path: Path, picture: AnyArray) -> None:
    ordered = picture if picture.ndim == 2 else np.ascontiguousarray(picture[..., ::-1])
    done, content = cv2.imencode(".png", np.ascontiguousarray(ordered))
    if not done:
        raise InputError(f"{path}: cannot be made a PNG of {picture.dtype} {picture.shape}")
    path.write_bytes(content.tobytes())
