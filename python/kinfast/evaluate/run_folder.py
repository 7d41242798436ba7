"""Reads a run's folder: the stored predictions, and the names and settings that go with them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kinfast import schema
from kinfast.data.groups import COMPOUND_PLATE, compound_identity, group_sites
from kinfast.errors import RunError, SplitError

PREDICTIONS = "predictions.parquet"
CONFIG = "config.json"
HISTORY = "history.jsonl"
ENVIRONMENT = "environment.json"
METRICS = "metrics.json"
REPORT = "report.html"


@dataclass(frozen=True, slots=True)
class Run:
    """What evaluation needs of a run.

    Attributes:
        path: the run's folder.
        config: config.json, empty where it is missing.
        environment: environment.json, empty where it is missing.
        classes: class names, in the order of the model's outputs.
        split_by: what the split groups by: image, well, plate or compound; found from the parts where no setting says.
        table: predictions.parquet; a row per site and fold.
        history: one mapping per epoch, fold by fold.
    """

    path: Path
    config: Mapping[str, Any]
    environment: Mapping[str, Any]
    classes: tuple[str, ...]
    split_by: str
    table: pd.DataFrame
    history: tuple[Mapping[str, Any], ...]

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.resolve().name

    @property
    def positive(self) -> str:
        """The positive class of a task of two: the second."""
        return self.classes[1]

    @property
    def several(self) -> bool:
        """Whether a site may have several labels: then each has a column of its truth."""
        return all(schema.truth(name) in self.table for name in self.classes)

    def truths(self, rows: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Give what is known of each label: (n, n_classes) float64 of 0 … 1, NaN where it is not known.

        One class a site is a set of one: its column is 1, the others 0; NaN in all where it has none.
        """
        if not self.several:
            codes = self.codes(rows)
            return np.where(codes[:, None] < 0, np.nan, codes[:, None] == np.arange(len(self.classes)))
        return rows[[schema.truth(name) for name in self.classes]].to_numpy(dtype=np.float64)

    def part(self, name: str) -> pd.DataFrame:
        """Give the rows of one part, in the table's order."""
        return self.table[self.table[schema.PART] == name].reset_index(drop=True)

    def probabilities(self, rows: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Give the probabilities of some rows: (n, n_classes) float64."""
        columns = [schema.probability(name) for name in self.classes]
        return np.ascontiguousarray(rows[columns].to_numpy(dtype=np.float64))

    def codes(self, rows: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Give the true class of rows: (n,) int64, -1 for what is none of the classes."""
        return (
            pd.Index(self.classes, dtype=object)
            .get_indexer(pd.Index(rows[schema.TRUTH], dtype=object))
            .astype(np.int64)
        )


def read_run(path: Path) -> Run:
    """Read a run's folder and check that it can be evaluated.

    Raises:
        RunError: no predictions, no test rows, an unknown truth, or probabilities that are not numbers.
    """
    file = path / PREDICTIONS
    if not file.is_file():
        raise RunError(f"{path} holds no {PREDICTIONS}: wanted the folder of a finished run; train one first")
    config = _read_json(path / CONFIG)
    table = read_predictions(file)
    classes = tuple(str(name) for name in config.get("classes", _classes_of(table)))
    run = Run(
        path=path,
        config=config,
        environment=_read_json(path / ENVIRONMENT),
        classes=classes,
        split_by=_grouping(str(config.get("split_by", ""))),
        table=_sorted(table),
        history=_read_history(path / HISTORY),
    )
    _check(run)
    return run if run.split_by else replace(run, split_by=_found_grouping(run.table))


def read_predictions(file: Path) -> pd.DataFrame:
    """Read predictions.parquet.

    Raises:
        RunError: it is damaged.
    """
    try:
        return pd.read_parquet(file)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise RunError(f"{file} cannot be read ({reason}): wanted what training wrote; train the run again") from None


def _grouping(split_by: str) -> str:
    """Name what the units of a split are: those of compounds crossed with plates are compounds."""
    return "compound" if split_by == COMPOUND_PLATE else split_by


def _found_grouping(table: pd.DataFrame) -> str:
    """Find what train and test of each fold do not share: compounds, else plates, else wells; else sites alone."""
    labelled = table[table[schema.PART].isin([schema.PART_TRAIN, schema.PART_TEST])]
    for by in ("compound", "plate", "well"):
        if by == "compound" and not _names_compounds(labelled):
            continue
        groups = group_sites(labelled, by)
        sides = pd.DataFrame({"fold": labelled[schema.FOLD].to_numpy(), "group": groups, "part": labelled[schema.PART]})
        if sides.groupby(["fold", "group"])["part"].nunique().max() == 1:
            return by
    return "image"


def _names_compounds(table: pd.DataFrame) -> bool:
    try:
        return bool((compound_identity(table) != "").any())
    except SplitError:
        return False


def _sorted(table: pd.DataFrame) -> pd.DataFrame:
    keys = [name for name in (schema.FOLD, *schema.KEY) if name in table]
    return table.sort_values(keys, kind="stable", ignore_index=True)


def _classes_of(table: pd.DataFrame) -> list[str]:
    stem = schema.probability("")
    return [name.removeprefix(stem) for name in table.columns if name.startswith(stem)]


def _check(run: Run) -> None:
    wanted = [*schema.KEY, schema.FOLD, schema.PART, schema.TRUTH, *(schema.probability(name) for name in run.classes)]
    missing = [name for name in wanted if name not in run.table]
    where = run.path / PREDICTIONS
    if missing:
        raise RunError(f"{where} lacks the column {missing[0]!r}{f' and {len(missing) - 1} more' * (len(missing) > 1)}")
    if len(run.classes) < 2:
        raise RunError(f"{where} has {len(run.classes)} class: wanted at least two")
    test = run.part(schema.PART_TEST)
    if test.empty:
        raise RunError(f"{where} has no rows of part 'test': there is nothing to evaluate on")
    unknown = set() if run.several else set(test[schema.TRUTH].astype(object)[run.codes(test) < 0])
    if unknown:
        raise RunError(f"{where} has the truth {unknown.pop()!r}, which is none of the {len(run.classes)} classes")
    broken = ~np.isfinite(run.probabilities(run.table)).all(axis=1)
    if broken.any():
        raise RunError(
            f"{where}: {broken.sum()} of {len(broken)} rows have probabilities that are not numbers: the training"
            " diverged; lower the learning rate"
        )


def _read_json(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RunError(f"{path} is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise RunError(f"{path} holds a {type(content).__name__}: wanted an object")
    return content


def _read_history(path: Path) -> tuple[Mapping[str, Any], ...]:
    if not path.is_file():
        return ()
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            rows.append(json.loads(line))
        except ValueError as error:
            raise RunError(f"{path}, line {number} is no JSON: {error}") from error
    return tuple(row for row in rows if isinstance(row, dict))
