"""What `kinfast embed` found of a run, on its page: whether replicates find each other, and compounds of one target."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from kinfast.evaluate.retrieval import REPLICABILITY, TARGETS, Retrieval, in_words, kept_folder
from kinfast.report.page import folded, paragraph
from kinfast.report.tables import Table, shown, to_html

WORDS = (
    "Mean average precision of the embeddings' cosine similarity, through copairs: a compound's wells against the"
    " negative controls of their plates; retrieved compounds of a target against those of others."
)
SCORES = ("mean_average_precision", "p_value", "q_value")


def read_retrieval(run: Path) -> dict[str, Retrieval]:
    """Read what `kinfast embed` kept in a run's folder: name of the store -> what was retrieved."""
    found = {}
    for folder in sorted(path for path in kept_folder(run).glob("*") if (path / REPLICABILITY).is_file()):
        compounds, targets = (pd.read_csv(folder / name) for name in (REPLICABILITY, TARGETS))
        found[folder.name] = Retrieval(compounds, targets, ())
    return found


def retrieval_html(found: dict[str, Retrieval]) -> str:
    """Give the section's body: for each store sentences, and both tables behind a click."""
    return paragraph(WORDS, "note") + "".join(part for name, one in found.items() for part in _store(name, one))


def _store(name: str, found: Retrieval) -> Iterator[str]:
    for line in in_words(found):
        yield paragraph(f"{name}: {line}.")
    for frame, title, counted in (
        (found.compounds, "Do a compound's wells find each other", "wells"),
        (found.targets, "Do a target's compounds find each other", "compounds"),
    ):
        if len(frame):
            yield folded(f"{title}: {name}", to_html(_table(frame, title, counted)))


def _table(frame: pd.DataFrame, title: str, counted: str) -> Table:
    first = str(frame.columns[0])
    rows = tuple(
        (
            str(row[first]),
            str(row[counted]),
            *(shown(row[name]) for name in SCORES),
            "yes" if row["retrieved"] else "no",
        )
        for row in frame.to_dict("records")
    )
    header = (first.removeprefix("Metadata_").lower(), counted, "mAP", "p", "q", "retrieved")
    return Table("retrieval", title, frame, header, rows)
