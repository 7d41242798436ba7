"""What training does with flagged sites, flag by flag, and what that takes from each class and each compound."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kinfast import schema
from kinfast.errors import UsageError

EXCLUDE, KEEP, ONLY_REPORT = "exclude", "keep", "only-report"
POLICIES = (EXCLUDE, KEEP, ONLY_REPORT)
SHOWN_ROWS = 20
"""Compounds of the table that is printed, those that lose most first."""


@dataclass(frozen=True, slots=True)
class FlagPolicies:
    """What is done with the sites of each flag.

    Attributes:
        of: flag -> exclude (never trained, validated or tested on), only-report (trained on, and counted) or keep.
    """

    of: Mapping[str, str]

    def with_policy(self, policy: str) -> tuple[str, ...]:
        """Give the flags that have it, in the table's order."""
        return tuple(flag for flag in schema.FLAGS if self.of[flag] == policy)

    def describe(self) -> str:
        """Say them in one line."""
        said = [f"{policy} {', '.join(map(_word, self.with_policy(policy))) or 'none'}" for policy in POLICIES]
        return f"flagged sites (--policy FLAG=WHAT): {'; '.join(said)}"


def parse_policies(asked: Sequence[str]) -> FlagPolicies:
    """Read policies such as `few_cells=exclude`; flags that are not named keep `schema.DEFAULT_POLICIES`.

    Raises:
        UsageError: no such flag or policy, or a flag named twice.
    """
    chosen: dict[str, str] = {}
    for text in asked:
        name, _, policy = (part.strip() for part in text.partition("="))
        flag = f"Flag_{name.removeprefix('Flag_')}"
        if flag not in schema.FLAGS or policy not in POLICIES:
            raise UsageError(
                f"--policy {text}: wanted FLAG=WHAT, FLAG one of {', '.join(map(_word, schema.FLAGS))}, "
                f"WHAT one of {', '.join(POLICIES)}"
            )
        if flag in chosen:
            raise UsageError(f"--policy {text}: {name} has policy {chosen[flag]} already; name each flag once")
        chosen[flag] = policy
    return FlagPolicies({**schema.DEFAULT_POLICIES, **chosen})


def policy_lines(
    sites: pd.DataFrame, values: Sequence[str | None], excluded: NDArray[np.bool_], policies: FlagPolicies
) -> list[str]:
    """Tabulate what flags take: a line for each value that loses or reports a site.

    Args:
        sites: n rows; flag columns that it lacks flag nothing.
        values: (n,) class, compound or None; None is in no row.
        excluded: (n,) bool, sites that flags keep out of training.
        policies: of the flags.

    Returns:
        A heading and one line a value, most excluded first; empty where no flag says anything.
    """
    shown = (*policies.with_policy(EXCLUDE), schema.FLAG_EXCLUDED, *policies.with_policy(ONLY_REPORT))
    flags = sites.reindex(columns=list(shown), fill_value=False).fillna(False).astype(bool)
    table = flags.groupby(np.array([value or "" for value in values], dtype=object)).sum()
    groups = pd.Series(excluded).groupby(np.array([value or "" for value in values], dtype=object))
    table.insert(0, "sites", groups.size())
    table.insert(1, "excluded", groups.sum().astype(int))
    table = table[(table.index != "") & (table.iloc[:, 1:].sum(axis=1) > 0)]
    if table.empty:
        return []
    table = table.sort_values("excluded", ascending=False, kind="stable")
    causes = [flag for flag in shown if table[flag].any()]
    reported = policies.with_policy(ONLY_REPORT)
    heads = {flag: _cause(flag) + (" (reported)" if flag in reported else "") for flag in causes}
    return _layout(table[["sites", "excluded", *causes]], list(heads.values()))


def _layout(table: pd.DataFrame, causes: Sequence[str]) -> list[str]:
    """Lay out counts and, behind them, their causes in words: a column for each would be wider than a screen."""
    rows = table.head(SHOWN_ROWS)
    width = min(40, max(len(str(name)) for name in rows.index))
    lines = [f"{'':{width}}  sites  excluded  for"]
    for name, row in rows.iterrows():
        sites, excluded, *counts = (int(value) for value in row)
        words = ", ".join(f"{cause} {count}" for cause, count in zip(causes, counts, strict=True) if count)
        lines.append(f"{str(name)[:width]:{width}}  {sites:5}  {excluded:8}  {words}")
    return [*lines, f"and {len(table) - len(rows)} more"] if len(table) > len(rows) else lines


def _cause(flag: str) -> str:
    return "listed by hand" if flag == schema.FLAG_EXCLUDED else _word(flag)


def _word(flag: str) -> str:
    return flag.removeprefix("Flag_")
