"""A contact sheet of a prepared store: its composites, of sites spread over the plates, and of flagged ones."""

import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kinfast import schema
from kinfast.config import THUMBNAIL_SIDE
from kinfast.data.composites import Composite
from kinfast.data.thumbnails import choose_sites, draw_composite, encode_webp, shrink
from kinfast.report.page import image_element, paragraph

MOST_COMPOSITES = 3


def store_sheet(out: Path, dataset: Mapping[str, Any], sites: pd.DataFrame) -> str:
    """Draw the spec's composites (else the first three channels) of chosen sites.

    Args:
        out: the store.
        dataset: its dataset.json.
        sites: its table.
    """
    named = [Composite(name, tuple(parts)) for name, parts in dataset["composites"].items()][:MOST_COMPOSITES]
    composites = named or [Composite("+".join(dataset["channels"][:3]), tuple(dataset["channels"][:3]))]
    chosen = choose_sites(sites, _groups(sites))
    if not chosen.rows and not chosen.flagged:
        return paragraph("No site could be used.")
    n_shown = len(chosen.rows) + len(chosen.flagged)
    told = "; ".join(f"{one.name} = {', '.join(one.channels)}" for one in composites)
    words = (
        f"{n_shown} of {len(sites):,} sites, up to four of each target (of each plate where none is known), shrunk; "
        f"red, green and blue are, from left to right: {told}. All others are left out."
    )
    sound, flagged = (
        "".join(_figure(out, sites.iloc[row], composites, dataset["channels"]) for row in rows)
        for rows in (chosen.rows, chosen.flagged)
    )
    spoilt = (
        f'<h3>Flagged sites, which training leaves out</h3>\n<div class="sheet">{flagged}</div>\n' if flagged else ""
    )
    return f'{paragraph(words, "note")}<div class="sheet">{sound}</div>\n{spoilt}'


def _groups(sites: pd.DataFrame) -> list[str | None]:
    column = schema.TARGET if schema.TARGET in sites and sites[schema.TARGET].notna().any() else schema.PLATE
    values = sites[column].astype(object)
    if column == schema.TARGET and schema.ROLE in sites:
        values = values.where(sites[schema.ROLE].astype(object) != schema.ROLE_NEGATIVE, "negative control")
    return [value if isinstance(value, str) else None for value in values]


def _figure(out: Path, site: "pd.Series[Any]", composites: list[Composite], channels: list[str]) -> str:
    images = np.load(out / site[schema.IMAGE_FILE], mmap_mode="r")
    stack = np.asarray(images[int(site[schema.IMAGE_INDEX])])
    name = f"{site[schema.PLATE]} {site[schema.WELL]} site {site[schema.SITE]}"
    pictures = "".join(
        image_element(
            encode_webp(shrink(draw_composite(stack, composite, channels), THUMBNAIL_SIDE)),
            "image/webp",
            f"{name}, {composite.name}",
        )
        for composite in composites
    )
    labels = [str(site[c]) for c in (schema.TARGET, schema.COMPOUND) if isinstance(site.get(c), str)]
    reason = str(site.get(schema.FLAG_REASON) or "")
    lines = [f"<b>{html.escape(' · '.join(labels))}</b>"] * bool(labels) + [html.escape(name)]
    lines += [html.escape(reason)] if reason else []
    grid = f'<div style="display:grid;grid-template-columns:repeat({len(composites)},1fr);gap:2px">{pictures}</div>'
    kind = ' class="flagged"' if reason else ""
    return f"<figure{kind}>{grid}<figcaption>{'<br>'.join(lines)}</figcaption></figure>\n"
