"""Pictures of the plates' report: illumination fields and sites, as PNG within the page."""

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from kinfast import schema
from kinfast.domain import AnyArray
from kinfast.preprocess.shard import ShardPaths
from kinfast.report.page import image_element

FIELD_SIDE = 132
SITE_SIDE = 160
GAP = 4
"""Pixels between two pictures."""


def png_figure(image: AnyArray, words: str, caption: str) -> str:
    """Give a figure element with a picture: (H, W) or (H, W, 3) RGB uint8."""
    ordered = image if image.ndim == 2 else np.ascontiguousarray(image[..., ::-1])
    done, content = cv2.imencode(".png", ordered)
    if not done:
        raise ValueError(f"no PNG of a {image.dtype} picture of shape {image.shape}")
    image_html = image_element(content.tobytes(), "image/png", words)
    return f"<figure>{image_html}<figcaption>{html.escape(caption)}</figcaption></figure>\n"


def field_pictures(out: Path, plate: str, channels: Sequence[str], facts: Mapping[str, Any]) -> str:
    """Draw the plate's flat-fields side by side on one scale, from 0.5 (black) to 1.5 (white)."""
    folder = ShardPaths(out, plate).fields
    pictures, words = [], []
    for channel in channels:
        with np.load(folder / f"{channel}.npz") as stored:
            field = stored["flatfield"]
        width = max(1, round(FIELD_SIDE * field.shape[1] / field.shape[0]))
        small = cv2.resize(field, (width, FIELD_SIDE), interpolation=cv2.INTER_LINEAR)
        pictures.append(np.clip((small - 0.5) * 255, 0, 255).astype(np.uint8))
        words.append(f"{channel} {field.min():.2f} to {field.max():.2f}")
    caption = f"Flat-field of each channel (black 0.5, white 1.5): {', '.join(words)}"
    return png_figure(_side_by_side(pictures), f"flat-fields of plate {plate}", caption)


def site_strip(out: Path, row: "pd.Series[Any]", channels: Sequence[str]) -> str:
    """Draw a site's channels side by side, as they are stored."""
    images = np.load(out / row[schema.IMAGE_FILE], mmap_mode="r")
    stored = np.asarray(images[int(row[schema.IMAGE_INDEX])])
    scale = SITE_SIDE / min(stored.shape[:2])
    size = (max(1, round(stored.shape[1] * scale)), max(1, round(stored.shape[0] * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
    pictures = [
        cv2.resize(np.ascontiguousarray(stored[..., c]), size, interpolation=how) for c in range(stored.shape[2])
    ]
    name = f"{row[schema.PLATE]} {row[schema.WELL]} site {row[schema.SITE]}"
    labels = [str(row[c]) for c in (schema.COMPOUND, schema.TARGET) if isinstance(row.get(c), str)]
    what = row[schema.FLAG_REASON] or "no flag"
    caption = f"{name}{' (' + ', '.join(labels) + ')' if labels else ''}: {', '.join(channels)}. {what}"
    return png_figure(_side_by_side(pictures), name, caption)


def _side_by_side(pictures: Sequence[AnyArray]) -> AnyArray:
    gap = np.full((pictures[0].shape[0], GAP), 255, np.uint8)
    parts = [part for picture in pictures for part in (picture, gap)]
    return np.concatenate(parts[:-1], axis=1)
