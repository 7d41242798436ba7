"""Small pictures of a store that stay with a run: its report needs no store to be made again.

A run's folder gets thumbnails/: a WebP file for each chosen site and stream, the flat-fields of each plate in a row,
sites.csv, which says what is what, and store.json, what dataset.json says of cells, light and windows.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kinfast import schema
from kinfast.config import (
    THUMBNAIL_EACH,
    THUMBNAIL_FIELDS,
    THUMBNAIL_FLAGGED,
    THUMBNAIL_QUALITY,
    THUMBNAIL_SIDE,
    THUMBNAIL_SITES,
)
from kinfast.data.composites import Composite
from kinfast.data.store import PreparedStore
from kinfast.domain import AnyArray
from kinfast.errors import StoreError
from kinfast.preprocess.shard import ShardPaths

FOLDER = "thumbnails"
SITES, STORE = "sites.csv", "store.json"
COLUMNS = [*schema.KEY, "label", schema.COMPOUND, "reason", "stream", "file"]
_GAP = 2
_KEPT = ("spec", "channels", "image_size", "intensity", "intensity_windows", "software_version", "parameters_hash")
_OF_A_PLATE = ("n_sites", "shape", "illumination")


@dataclass(frozen=True, slots=True)
class Chosen:
    """Sites to show.

    Attributes:
        rows: positions in the store's table, of unflagged sites, class by class.
        flagged: of sites that training leaves out.
    """

    rows: list[int]
    flagged: list[int]


def choose_sites(sites: pd.DataFrame, classes: Sequence[str | None]) -> Chosen:
    """Choose sites to show: of each class as many as there is room for, from unlike compounds; then flagged ones.

    Args:
        sites: the store's table.
        classes: of each site; None where it has none. The smallest classes fall out where there are too many.
    """
    named = pd.Series(pd.array(list(classes), dtype="string"), index=range(len(sites)))
    sound = ~_left_out(sites).reset_index(drop=True)
    sizes = named[sound].value_counts()
    shown = sorted(sizes.index[:THUMBNAIL_SITES])
    each = min(THUMBNAIL_EACH, max(1, THUMBNAIL_SITES // max(1, len(shown))))
    rows = [row for name in shown for row in _spread(np.flatnonzero((named == name).fillna(False) & sound), each)]
    flagged = np.flatnonzero(~sound)
    return Chosen(rows[:THUMBNAIL_SITES], _spread(flagged, THUMBNAIL_FLAGGED))


def keep_thumbnails(
    store: PreparedStore, classes: Sequence[str | None], composites: Sequence[Composite], run: Path
) -> None:
    """Write a run's thumbnails/.

    Args:
        store: what the run was trained on.
        classes: of each of its sites; None where it has none.
        composites: the run's streams.
        run: its folder.
    """
    folder = run / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    chosen = choose_sites(store.sites, classes)
    lines = []
    for number, row in enumerate([*chosen.rows, *chosen.flagged]):
        stack = store.gather(np.array([row]), np.arange(len(store.channels)))[0]
        for place, composite in enumerate(composites):
            name = f"site{number:03d}_{place}.webp"
            picture = draw_composite(stack, composite, store.channels)
            _write(folder / name, encode_webp(shrink(picture, THUMBNAIL_SIDE)))
            lines.append(_line(store.sites, row, classes[row], composite.name, name))
    _write(folder / SITES, pd.DataFrame(lines, columns=COLUMNS).to_csv(index=False, lineterminator="\n").encode())
    facts = {name: store.dataset[name] for name in _KEPT if name in store.dataset}
    facts["plates"] = {plate: _plate_facts(store, plate, of) for plate, of in store.dataset.get("plates", {}).items()}
    facts["fields"] = _keep_fields(store, folder)
    _write(folder / STORE, json.dumps(facts, indent=1, ensure_ascii=False).encode())


def draw_composite(stack: NDArray[np.uint8], composite: Composite, channels: Sequence[str]) -> AnyArray:
    """Show a stream of a site, (h, w, C) uint8, as (h, w, 3) RGB: its first three channels, or one of them in grey."""
    planes = [stack[..., list(channels).index(name)] for name in composite.channels][:3]
    return np.stack(planes if len(planes) == 3 else planes[:1] * 3, axis=-1)


def shrink(picture: AnyArray, side: int) -> AnyArray:
    """Resize a picture so that its shorter side is at most `side` pixels."""
    scale = side / min(picture.shape[:2])
    if scale >= 1:
        return picture
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    return np.asarray(cv2.resize(np.ascontiguousarray(picture), size, interpolation=cv2.INTER_AREA))


def encode_webp(picture: AnyArray, quality: int = THUMBNAIL_QUALITY) -> bytes:
    """Compress (h, w, 3) RGB uint8."""
    done, content = cv2.imencode(".webp", np.ascontiguousarray(picture[..., ::-1]), [cv2.IMWRITE_WEBP_QUALITY, quality])
    if not done:
        raise ValueError(f"no WebP of a {picture.dtype} picture of shape {picture.shape}")
    return bytes(content.tobytes())


def _spread(rows: NDArray[np.int64], n: int) -> list[int]:
    """Take n of the rows, evenly: sites stand by plate and well, so that these are of unlike wells."""
    if len(rows) <= n:
        return [int(row) for row in rows]
    return [int(rows[int((place + 0.5) * len(rows) / n)]) for place in range(n)]


def _left_out(sites: pd.DataFrame) -> "pd.Series[bool]":
    flags = [name for name in (*schema.EXCLUDED_FLAGS, schema.FLAG_EXCLUDED) if name in sites]
    return sites[flags].astype(bool).any(axis=1) if flags else pd.Series(False, index=sites.index)


def _line(sites: pd.DataFrame, row: int, label: str | None, stream: str, file: str) -> list[Any]:
    of = sites.iloc[row]
    reason = of.get(schema.FLAG_REASON) if bool(_left_out(sites.iloc[[row]]).iloc[0]) else ""
    return [*(of[name] for name in schema.KEY), label, of.get(schema.COMPOUND), reason or "", stream, file]


def _plate_facts(store: PreparedStore, plate: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    of = store.sites[store.sites[schema.PLATE] == plate]
    flags = {name: int(of[name].sum()) for name in (*schema.FLAGS, schema.FLAG_EXCLUDED) if name in of}
    return {**{name: facts[name] for name in _OF_A_PLATE if name in facts}, "flags": flags}


def _keep_fields(store: PreparedStore, folder: Path) -> dict[str, str]:
    """Write each plate's flat-fields side by side, one scale for all: 0.5 black, 1.5 white."""
    kept: dict[str, str] = {}
    for plate in list(store.dataset.get("plates", {}))[:THUMBNAIL_FIELDS]:
        try:
            files = [ShardPaths(store.root, plate).fields / f"{channel}.npz" for channel in store.channels]
        except StoreError:
            continue
        if not all(file.is_file() for file in files):
            continue
        kept[plate] = f"fields{len(kept):03d}.webp"
        _write(folder / kept[plate], encode_webp(_field_row(files), quality=90))
    return kept


def _field_row(files: Sequence[Path]) -> AnyArray:
    parts = []
    for file in files:
        with np.load(file) as stored:
            field = stored["flatfield"]
        grey = np.clip((field - 0.5) * 255, 0, 255).astype(np.uint8)
        size = (max(1, round(THUMBNAIL_SIDE * grey.shape[1] / grey.shape[0])), THUMBNAIL_SIDE)
        small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
        parts += [small, np.full((THUMBNAIL_SIDE, _GAP), 255, np.uint8)]
    row = np.concatenate(parts[:-1], axis=1)
    return np.repeat(row[..., None], 3, axis=2)


def _write(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.write_bytes(content)
    unfinished.replace(path)
