"""A run's predictions on the plates: truth, prediction and probabilities of the wells that were never trained on."""

import html
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from kinfast import schema
from kinfast.evaluate.run_folder import Run
from kinfast.report.page import folded, paragraph
from kinfast.report.plate_grid import grid_figure, pixel_map, plate_layout, shade, well_box

MOST_PLATES = 8
"""Plates whose maps the page shows: a plate of 384 wells is about 150 kB."""
MOST_CLASS_MAPS = 300
"""Maps of one class's probability, over all plates: about 0.5 kB each."""
MOST_IN_LEGEND = 24
COLOURS = (
    "#8dc4f0", "#f2a66d", "#8fd19e", "#e79ac0", "#d9cf6e", "#b7a6e6", "#7fd1cd", "#f0958f", "#c3c9cf", "#c9a27e",
    "#a9d06b", "#9fb3d9",
)  # fmt: skip
"""Of classes; after twelve they come again, which is why each well carries its class's number."""
UNKNOWN = "#e4e6e8"
CROSS = '<path d="M3 15 15 3" stroke="#8f1d14" stroke-width="2"/>'


@dataclass(frozen=True, slots=True)
class Wells:
    """The wells of one plate that no model was trained on.

    Attributes:
        names: wells.
        truth: class numbers, -1 where there is none; of several labels (n_wells, n_classes), NaN where not known.
        probabilities: (n_wells, n_classes), the mean over a well's sites.
    """

    names: list[str]
    truth: np.ndarray
    probabilities: np.ndarray


def held_out_wells(run: Run) -> dict[str, Wells]:
    """Average the rows of test and unlabelled sites to wells, by plate."""
    rows = run.table[run.table[schema.PART].isin([schema.PART_TEST, schema.PART_UNLABELLED])]
    names = [schema.probability(name) for name in run.classes]
    frame = pd.DataFrame(run.probabilities(rows), columns=names)
    for column in (schema.PLATE, schema.WELL):
        frame[column] = rows[column].astype(str).to_numpy()
    # a labelled well's flagged sites are unlabelled: its truth is that of the others
    frame["truth"] = run.codes(rows)
    wells = frame.groupby([schema.PLATE, schema.WELL], sort=True)
    means, truths = wells[names].mean(), wells["truth"].max()
    plates = means.index.get_level_values(0)
    return {
        str(plate): Wells(
            [str(well) for well in means.index[plates == plate].get_level_values(1)],
            truths[plates == plate].to_numpy(),
            means[plates == plate].to_numpy(),
        )
        for plate in plates.unique()
    }


def prediction_maps(run: Run) -> str:
    """Draw every plate's maps, as far as the page has room; it says what is left out."""
    plates = held_out_wells(run)
    n_maps = min(len(plates), MOST_PLATES)
    n_classes = len(run.classes) if len(run.classes) > 2 else 1
    each = min(n_classes, MOST_CLASS_MAPS // max(1, n_maps))
    words = (
        "Wells that no model was trained on, a well being the mean of its sites; the number is the class's. A stroke "
        "marks a wrong prediction. Patterns by row, column or edge would say that a model reads the position."
    )
    parts = [paragraph(words, "note"), _legend(run.classes)]
    parts += [_plate(run, plate, wells, each) for plate, wells in list(plates.items())[:MOST_PLATES]]
    return "".join([*parts, *left_out(len(plates), n_classes, each)])


def left_out(n_plates: int, n_classes: int, each: int) -> Iterator[str]:
    """Say which plates and classes the page has no room for."""
    if n_plates > MOST_PLATES:
        yield paragraph(
            f"Not shown: {n_plates - MOST_PLATES} of {n_plates} plates; predictions.parquet holds them.", "note"
        )
    if each < n_classes:
        words = f"Of each plate {each} of {n_classes} classes have a map of their probability; predictions.parquet"
        yield paragraph(f"{words} holds all.", "note")


def _plate(run: Run, plate: str, wells: Wells, n_classes: int) -> str:
    layout, predicted = plate_layout(wells.names), wells.probabilities.argmax(axis=1)
    true, given, sure = [], [], []
    for well, code, guess, row in zip(wells.names, wells.truth, predicted, wells.probabilities, strict=True):
        name = run.classes[code] if code >= 0 else "no label"
        said = f"{well}: {name}; predicted {run.classes[guess]} ({row[guess]:.2f})"
        true.append(well_box(well, _colour(code), said, _number(code)))
        given.append(well_box(well, _colour(guess), said, _number(guess) + CROSS * bool(0 <= code != guess)))
        if code >= 0:
            sure.append(well_box(well, shade(float(row[code])), f"{well}: {name} {row[code]:.2f}"))
    known = wells.truth >= 0
    right = f", {(predicted == wells.truth)[known].mean():.0%} right" if known.any() else ""
    maps = [
        grid_figure(layout, "".join(true), f"true classes of plate {plate}", f"Truth: {known.sum()} labelled wells"),
        grid_figure(layout, "".join(given), f"predicted classes of plate {plate}", f"Prediction{right}"),
    ]
    if sure:
        caption = "Probability of the true class: 0 (light) to 1 (dark)"
        maps.append(grid_figure(layout, "".join(sure), f"probability of the true class, plate {plate}", caption))
    heading = f"<h3>Plate {html.escape(plate)}</h3>\n"
    return f'{heading}<div class="maps">{"".join(maps)}</div>\n{class_maps(run, plate, wells, n_classes)}'


def class_maps(run: Run, plate: str, wells: Wells, n_classes: int) -> str:
    """Draw each class's probability over a plate, a pixel a well, behind a click."""
    codes = range(len(run.classes)) if len(run.classes) > 2 or run.several else [1]
    maps = []
    for code in list(codes)[:n_classes]:
        column = wells.probabilities[:, code]
        values = dict(zip(wells.names, column.tolist(), strict=True))
        name, highest = run.classes[code], float(column.max())
        maps.append(
            pixel_map(values, 0.0, highest, f"probability of {name} on plate {plate}", f"{name}, ≤ {highest:.2f}")
        )
    inner = f'<div class="pixels">{"".join(maps)}</div>\n'
    note = paragraph(
        "A pixel a well; white is 0, dark the class's highest on this plate, grey was not predicted.", "note"
    )
    return folded(f"Probability of each class on plate {plate}", inner + note)


def _legend(classes: tuple[str, ...]) -> str:
    entries = "".join(
        f'<span><i style="background:{_colour(code)}"></i>{code + 1} {html.escape(name)}</span>'
        for code, name in enumerate(classes)
    )
    legend = f'<div class="legend">{entries}</div>\n'
    return legend if len(classes) <= MOST_IN_LEGEND else folded(f"The numbers of {len(classes)} classes", legend)


def _colour(code: int) -> str:
    return UNKNOWN if code < 0 else COLOURS[code % len(COLOURS)]


def _number(code: int) -> str:
    if code < 0:
        return ""
    return f'<text x="9" y="12.5" text-anchor="middle" font-size="9" fill="#1b1f23">{code + 1}</text>'
