"""Draw a contact sheet of a prepared store: every site small, with its nuclei and flags, sorted by well.

python docs/contact_sheet.py prepared/ docs/pictures/contact_bbbc013.png --columns 12 --side 80
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kinfast import schema
from kinfast.data.store import PreparedStore

STRIP = 14
"""Pixels of the line of text under a site."""
FLAGGED, SOUND = (255, 120, 0), (230, 230, 230)
LEVELS = np.uint8(0xF0)
"""Sixteen greys: enough to look at, and a fifth of the file."""
GAMMA = 0.6
"""The window's top is the plate's brightest 0.1 %: dim cells would not be seen."""


def draw_sheet(store: PreparedStore, columns: int, side: int) -> NDArray[np.uint8]:
    """Draw all sites, each with its channels side by side: (H, W, 3) uint8, red, green, blue."""
    rows = store.sites.sort_values(schema.KEY, kind="stable")
    tiles = [draw_site(store, int(position), row, side) for position, row in rows.iterrows()]
    columns = min(columns, len(tiles))
    blank = np.zeros_like(tiles[0])
    tiles += [blank] * (-len(tiles) % columns)
    return np.vstack([np.hstack(tiles[start : start + columns]) for start in range(0, len(tiles), columns)])


def draw_site(store: PreparedStore, position: int, row: pd.Series, side: int) -> NDArray[np.uint8]:
    """Draw one site; `row` is its row of the table, `position` its number in it."""
    planes = store.gather(np.array([position]), np.arange(len(store.channels)))[0]
    grey = np.hstack(
        [cv2.resize(plane, (side, side), interpolation=cv2.INTER_AREA) for plane in np.moveaxis(planes, 2, 0)]
    )
    bright = (255 * (grey / 255.0) ** GAMMA).astype(np.uint8) & LEVELS
    tile = np.zeros((side + STRIP, bright.shape[1] + 2, 3), np.uint8)
    tile[:side, :-2] = bright[..., None]
    flags = [flag.removeprefix("Flag_") for flag in schema.FLAGS if row[flag]]
    cells = "" if np.isnan(row["Quality_cells"]) else f" {row['Quality_cells']:.0f}"
    text = f"{row[schema.WELL]}{cells} {' '.join(flags)}"
    colour = FLAGGED if flags else SOUND
    cv2.putText(tile, text, (2, side + STRIP - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.32, colour, 1, cv2.LINE_AA)
    return tile


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("prepared", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--columns", type=int, default=12)
    parser.add_argument("--side", type=int, default=64)
    asked = parser.parse_args()
    sheet = draw_sheet(PreparedStore.open(asked.prepared), asked.columns, asked.side)
    cv2.imwrite(str(asked.picture), sheet[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main()
