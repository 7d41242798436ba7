"""A run's labels on the plates: how many each well has, is given, and of which the answer is right."""

import html

import numpy as np
import pandas as pd

from kinfast import schema
from kinfast.evaluate.conformal import average_units
from kinfast.evaluate.levels import mean_known
from kinfast.evaluate.run_folder import Run
from kinfast.metrics.labels import HALF, join_labels
from kinfast.report.page import paragraph
from kinfast.report.plate_grid import grid_figure, plate_layout, shade, well_box
from kinfast.report.prediction_maps import MOST_CLASS_MAPS, MOST_PLATES, UNKNOWN, Wells, class_maps, left_out

WORDS = (
    "Wells that no model was trained on, a well being the mean of its sites; a label is given from a probability of"
    " one half on. Numbers count labels. Patterns by row, column or edge would say that a model reads the position."
)


def label_maps(run: Run) -> str:
    """Draw every plate's maps, as far as the page has room; it says what is left out."""
    plates = held_out_labels(run)
    each = min(len(run.classes), MOST_CLASS_MAPS // max(1, min(len(plates), MOST_PLATES)))
    parts = [_plate(run, plate, wells, each) for plate, wells in list(plates.items())[:MOST_PLATES]]
    return "".join([paragraph(WORDS, "note"), *parts, *left_out(len(plates), len(run.classes), each)])


def held_out_labels(run: Run) -> dict[str, Wells]:
    """Average the rows of test and unlabelled sites to wells, by plate; their truths are (n_wells, n_classes)."""
    rows = run.table[run.table[schema.PART].isin([schema.PART_TEST, schema.PART_UNLABELLED])]
    places = rows[schema.PLATE].astype(str) + "\t" + rows[schema.WELL].astype(str)
    names, groups = np.unique(places.to_numpy(np.str_), return_inverse=True)
    numbers = groups.reshape(-1).astype(np.int64)
    means = average_units(run.probabilities(rows), np.zeros(len(rows), np.int64), numbers).probabilities
    truths = mean_known(run.truths(rows), numbers, names.size)
    split = pd.DataFrame([str(name).split("\t") for name in names], columns=["plate", "well"])
    return {
        str(plate): Wells(mine["well"].tolist(), truths[mine.index], means[mine.index])
        for plate, mine in split.groupby("plate", sort=True)
    }


def _plate(run: Run, plate: str, wells: Wells, n_classes: int) -> str:
    layout, most = plate_layout(wells.names), max(1, int((wells.truth >= HALF).sum(axis=1).max(initial=0)))
    true, given, right = [], [], []
    for well, truth, chances in zip(wells.names, wells.truth, wells.probabilities, strict=True):
        known = ~np.isnan(truth)
        has, says = int((truth >= HALF).sum()), int((chances >= HALF).sum())
        named = join_labels(run.classes, np.nan_to_num(truth)) or "none"
        said = f"{well}: {named if known.any() else 'not known'}; given {join_labels(run.classes, chances) or 'none'}"
        true.append(
            well_box(well, shade(has / most / 2) if known.any() else UNKNOWN, said, _count(has) * bool(known.any()))
        )
        given.append(well_box(well, shade(min(1.0, says / most) / 2), said, _count(says)))
        if known.any():
            share = float(((chances >= HALF) == (truth >= HALF))[known].mean())
            right.append(well_box(well, shade(share), f"{said}; {share:.0%} of {known.sum()} known labels right"))
    maps = [
        grid_figure(layout, "".join(true), f"labels of plate {plate}", f"Labels: {len(right)} wells"),
        grid_figure(layout, "".join(given), f"labels given on plate {plate}", "Labels given"),
    ]
    if right:
        caption = "Share of the known labels that are right: 0 (light) to 1 (dark)"
        maps.append(grid_figure(layout, "".join(right), f"share of labels right, plate {plate}", caption))
    heading = f"<h3>Plate {html.escape(plate)}</h3>\n"
    return f'{heading}<div class="maps">{"".join(maps)}</div>\n{class_maps(run, plate, wells, n_classes)}'


def _count(number: int) -> str:
    return f'<text x="9" y="12.5" text-anchor="middle" font-size="9" fill="#1b1f23">{number}</text>'
