"""What `kinfast explain` found, on a run's page: words, drops by stain, maps over pictures."""

import html
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from kinfast.evaluate.explain import EXPLAIN, FOLDER
from kinfast.evaluate.stains import EXPLAIN_COLUMNS, SWAP
from kinfast.report.page import folded, image_element, paragraph
from kinfast.report.roc_figure import short_name
from kinfast.report.style import new_figure
from kinfast.report.tables import Table, shown, to_html

KINDS = {"plain": "as it is", "gradients": "integrated gradients", "cam": "Grad-CAM"}
LONG_STAIN = 10
MOST_WORDS = 12
MOST_IN_FIGURE = 40
"""Classes of the figure, those that lose most; the table has all."""


def read_explain(run: Path) -> dict[str, Any] | None:
    """Read explain/explain.json; None where the run was not explained."""
    path = run / FOLDER / EXPLAIN
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None


def explain_table(found: dict[str, Any]) -> Table:
    """Make the table of all classes, stains, streams and methods."""
    raw = pd.DataFrame(found["rows"], columns=list(EXPLAIN_COLUMNS))
    rows = tuple(
        (
            row["class"] or "all",
            row["stain"] or "all of the stream",
            row["stream"] or "all",
            row["method"].replace("_", " "),
            f"{shown(row['drop'])} [{shown(row['low'])}, {shown(row['high'])}]",
        )
        for row in found["rows"]
    )
    note = (
        "Swap: what the true class's probability loses when the stain is that of sites of other classes on the same "
        "plate; control mean: when it is even, at the level of the plate's controls. Integrated gradients, Grad-CAM: "
        "shares of the attribution. In brackets 95 % intervals over compounds (wells of controls)."
    )
    header = ("class", "stain", "stream", "method", "drop or share")
    return Table("explain_stains", "What each class rests on", raw, header, rows, note, 4)


def draw_stains(found: dict[str, Any]) -> Figure | None:
    """Draw the drops by stain as a map of classes and stains; None where nothing was exchanged."""
    rows = [row for row in found["rows"] if row["method"] == SWAP and row["stain"] and not row["stream"]]
    if not rows:
        return None
    table = pd.DataFrame(rows).pivot_table(index="class", columns="stain", values="drop", sort=False)
    classes = [name for name in table.index if name]
    kept = sorted(classes, key=lambda name: -table.loc[name].max())[:MOST_IN_FIGURE]
    values = table.loc[["", *kept]].to_numpy()
    stains = [short_name(str(name)) for name in table.columns]
    long = max(map(len, stains)) > LONG_STAIN
    figure = new_figure(3.2 + 0.75 * values.shape[1], (3.2 if long else 1.2) + 0.3 * len(values))
    axes = figure.subplots()
    top = max(float(np.abs(values).max()), 1e-9)
    image = axes.imshow(values, cmap="PuOr_r", vmin=-top, vmax=top, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=8,
                  color="white" if abs(value) > 0.65 * top else "black")  # fmt: skip
    axes.set_xticks(range(values.shape[1]), stains, rotation=90 if long else 0)
    axes.set_yticks(range(len(values)), ["all classes", *(short_name(name) for name in kept)])
    axes.grid(visible=False)
    figure.colorbar(image, ax=axes, label="loss of probability", shrink=0.8)
    return figure


def explain_html(run: Path, found: dict[str, Any], figure: str) -> str:
    """Give the section's body."""
    words = list(found["words"].values())
    listed = "".join(f"<li>{html.escape(text)}</li>\n" for text in words[: MOST_WORDS + 1])
    more = "".join(f"<li>{html.escape(text)}</li>\n" for text in words[MOST_WORDS + 1 :])
    rest = folded(f"{len(words) - MOST_WORDS - 1} more classes", f"<ul>\n{more}</ul>\n") if more else ""
    about = (
        f"{found['sites']} held-out sites of {found['units']} compounds or control wells, each asked of a model that "
        "was not trained on it. In brackets 95 % intervals over compounds, each by itself: of forty stains without a "
        "part one may be named."
    )
    sanity = "".join(
        f'<li class="{"support" if one["holds"] else "caution"}">'
        f"<b>{'support' if one['holds'] else 'caution'}</b>{html.escape(one['text'])}</li>\n"
        for one in found["sanity"].values()
    )
    table = folded("Every class, stain, stream and method", to_html(explain_table(found)))
    checks = f'<ul class="verdicts">\n{sanity}</ul>\n'
    return f"<ul>\n{listed}</ul>\n{rest}{paragraph(about, 'note')}{checks}{figure}{_gallery(run, found)}{table}"


def _gallery(run: Path, found: dict[str, Any]) -> str:
    parts = [_site(run / FOLDER, entry) for entry in found["gallery"]]
    left = found["classes_without_gallery"]
    words = (
        "The sites that a model is surest of, of the classes that are recognised best; the middle crop of each stream "
        "as it is, under integrated gradients and under Grad-CAM. Bright is what speaks for the true class."
    )
    more = f" {len(left)} classes have no pictures here." if left else ""
    sheet = f'<div class="sheet">{"".join(parts)}</div>\n'
    return f"<h3>Where the models looked</h3>\n{paragraph(words + more, 'note')}{sheet}"


def _site(folder: Path, entry: dict[str, Any]) -> str:
    images = ""
    for stream in entry["streams"]:
        for kind, words in KINDS.items():
            file = folder / str(stream[kind])
            if file.is_file():
                alt = f"{entry['site']}, {stream['name']}, {words}"
                images += image_element(file.read_bytes(), "image/webp", alt)
    label = " · ".join(word for word in (entry["class"], entry["compound"]) if word)
    streams = ", ".join(stream["name"] for stream in entry["streams"])
    where = html.escape(f"{entry['site']}; {streams}")
    caption = f"<b>{html.escape(label)}</b> ({entry['probability']:.2f})<br>{where}"
    grid = f'<div style="display:grid;grid-template-columns:repeat({len(KINDS)},1fr);gap:2px">{images}</div>'
    return f"<figure>{grid}<figcaption>{caption}</figcaption></figure>\n"
