"""Tables and figure of which compounds do something."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from kinfast import config
from kinfast.evaluate.activity import ACTIVITY_COLUMNS
from kinfast.report.style import GREY, MODEL, new_figure
from kinfast.report.tables import UNDEFINED, Table, shown

DOSE_COLUMNS = (
    "Metadata_Compound", "dose", "wells", "controls", "distance", "p_value", "least_p", "q_value", "active",
)  # fmt: skip
MOST_NAMED = 12


def activity_tables(found: dict[str, Any] | None) -> list[Table]:
    """Make the table of compounds and the table of doses, none where nothing was found out."""
    if found is None:
        return []
    compounds = pd.DataFrame(found["compounds"], columns=list(ACTIVITY_COLUMNS))
    doses = pd.DataFrame(found["doses"], columns=list(DOSE_COLUMNS))
    ranked = compounds.sort_values(["p_value", "distance"], ascending=[True, False])
    note = f"Distance 1 is that of as many wells dealt anew; active: q at most {config.FALSE_DISCOVERY_RATE:g}."
    rows = tuple(
        (
            row["Metadata_Compound"],
            shown(row["distance"], 2),
            shown(row["p_value"], 4),
            shown(row["q_value"], 4),
            _yes(row["active"]),
        )
        for row in ranked.to_dict("records")
    )
    by_dose = tuple(
        (
            row["Metadata_Compound"],
            row["dose"] or UNDEFINED,
            str(row["wells"]),
            str(row["controls"]),
            shown(row["distance"], 2),
            shown(row["p_value"], 4),
            shown(row["least_p"], 4),
            shown(row["q_value"], 4),
            _yes(row["active"]),
        )
        for row in doses.to_dict("records")
    )
    header = ("compound", "dose", "wells", "controls", "distance", "p", "least p", "q", "active")
    more = " Least p: the smallest that so few wells can give."
    return [
        Table("activity", "Which compounds move wells away from the negative controls", compounds,
              ("compound", "distance", "p", "q", "active"), rows, note),
        Table("activity_doses", "The same for each dose", doses, header, by_dose, note + more),
    ]  # fmt: skip


def _yes(active: bool) -> str:
    return "yes" if active else "no"


def draw_activity(found: dict[str, Any]) -> Figure:
    """Draw compounds by their rank of distance, the active ones in colour, the farthest named."""
    frame = pd.DataFrame(found["compounds"]).sort_values("distance", ascending=False).reset_index(drop=True)
    figure = new_figure(6.4, 3.2)
    axes = figure.subplots()
    active = frame["active"].to_numpy(bool)
    ranks = np.arange(1, len(frame) + 1)
    for kind, colour, words in ((active, MODEL, "active"), (~active, GREY, "not told from the controls")):
        label = f"{words} ({int(kind.sum())})"
        axes.scatter(ranks[kind], frame["distance"][kind], s=18, color=colour, linewidths=0, label=label)
    axes.axhline(1.0, color=GREY, linewidth=1, linestyle=":")
    if len(frame) <= MOST_NAMED:
        for rank, name, distance in zip(ranks, frame["Metadata_Compound"], frame["distance"], strict=True):
            axes.annotate(name, (rank, distance), xytext=(4, 3), textcoords="offset points", fontsize=7)
    axes.set(xlabel="compounds, the farthest first", ylabel="distance from the controls", ylim=(0, None))
    axes.legend(loc="upper right")
    return figure
