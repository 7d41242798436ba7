"""The test rows of a run as arrays, whether a site has one class or several labels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinfast import schema
from kinfast.evaluate.levels import Level, Units, find_units, make_level
from kinfast.evaluate.run_folder import Run
from kinfast.metrics.arrays import Codes, Float, Probabilities
from kinfast.metrics.labels import HALF


@dataclass(frozen=True, slots=True)
class TestPart:
    """The rows of one part, aligned.

    Attributes:
        folds: (n,) number.
        codes: (n,) true class; all 0 where a site has several labels.
        units: wells and compounds.
        probabilities: (n, n_classes).
        truths: (n, n_classes) of 0 … 1 where a site has several labels, NaN where not known; else None.
    """

    folds: Codes
    codes: Codes
    units: Units
    probabilities: Probabilities
    truths: Float | None = None

    def level(self, name: str, split_by: str) -> Level | None:
        """Group the rows to a level."""
        return make_level(name, self.folds, self.codes, self.units, split_by, self.truths)

    def fold(self, number: int) -> "TestPart":
        """Give the rows of one fold."""
        return self.of(self.folds == number)

    def of(self, mask: NDArray[np.bool_]) -> "TestPart":
        """Give some of the rows."""
        truths = None if self.truths is None else self.truths[mask]
        return TestPart(self.folds[mask], self.codes[mask], self.units.of(mask), self.probabilities[mask], truths)

    def held(self) -> tuple[Codes, Codes]:
        """Pair every row with each label that it has, or with its one class: rows, classes; a class after the other."""
        if self.truths is None:
            return np.arange(self.codes.size, dtype=np.int64), self.codes
        rows, classes = np.nonzero(self.truths >= HALF)
        return rows.astype(np.int64), classes.astype(np.int64)


def read_test(run: Run, part: str = schema.PART_TEST) -> TestPart:
    """Take the test rows of a run, or those of another part."""
    mask = (run.table[schema.PART] == part).to_numpy()
    rows = run.table[mask]
    folds = rows[schema.FOLD].to_numpy(dtype=np.int64)
    truths = run.truths(rows) if run.several else None
    codes = np.zeros(folds.size, np.int64) if run.several else run.codes(rows)
    return TestPart(folds, codes, find_units(run.table).of(mask), run.probabilities(rows), truths)
