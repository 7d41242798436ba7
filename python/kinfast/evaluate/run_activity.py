"""Activity of a run's compounds, from the quality measures beside its stored predictions."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from kinfast import config, schema
from kinfast.errors import InputError
from kinfast.evaluate.activity import Activity, find_activity
from kinfast.evaluate.run_folder import Run
from kinfast.evaluate.scoring import number
from kinfast.evaluate.verdicts import Kind, Verdict

MOST_NAMED = 8


def measure_activity(run: Run) -> dict[str, Any] | None:
    """Test the compounds of a run; None where it has no controls, compounds or measures to do so."""
    sites = run.table.drop_duplicates(list(schema.KEY)).reset_index(drop=True)
    numeric = sites.select_dtypes(include=["number", "bool"]).columns
    features = [str(name) for name in numeric if schema.is_measure(str(name))]
    try:
        return activity_entries(find_activity(sites, features)) if features else None
    except InputError:
        return None


def activity_entries(found: Activity) -> dict[str, Any]:
    """Write activity as JSON: `compounds`, `doses`, `notes`."""
    return {
        "compounds": _records(found.compounds),
        "doses": _records(found.doses),
        "notes": list(found.notes),
    }


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    numbers = ("distance", "p_value", "q_value", "least_p")
    return [
        {
            str(name): number(value) if name in numbers else bool(value) if name == "active" else value
            for name, value in row.items()
        }
        for row in frame.to_dict("records")
    ]


def activity_verdicts(metrics: dict[str, Any]) -> Iterator[Verdict]:
    """Say how many compounds are active, and name those that are not."""
    found = metrics.get("activity")
    if found is None:
        return
    compounds = found["compounds"]
    idle = [row["Metadata_Compound"] for row in compounds if not row["active"]]
    named = ", ".join(idle[:MOST_NAMED]) + (f" and {len(idle) - MOST_NAMED} more" if len(idle) > MOST_NAMED else "")
    tail = f"; not told apart from them: {named}" if idle else ""
    yield Verdict(
        Kind.FINDING if len(idle) < len(compounds) else Kind.CAUTION,
        f"By brightness, focus and cell counts {len(compounds) - len(idle)} of {len(compounds)} compounds differ from"
        f" the negative controls of their plates (false discovery rate {config.FALSE_DISCOVERY_RATE:.0%}){tail}.",
        "compounds_are_active",
        len(idle) < len(compounds),
    )
    low = _low_doses(found["doses"])
    if low:
        named = "; ".join(f"{name} {', '.join(doses)}" for name, doses in list(low.items())[:MOST_NAMED])
        yield Verdict(
            Kind.FINDING,
            f"Inactive low doses, not told apart from the negative controls of their plates: {named}.",
            "low_doses_inactive",
        )
    yield from (Verdict(Kind.CAUTION, note[:1].upper() + note[1:] + ".", "activity_note") for note in found["notes"])


def _low_doses(rows: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Give each compound's doses below its first active one, for compounds that have one."""
    low: dict[str, list[str]] = {}
    for name in dict.fromkeys(row["Metadata_Compound"] for row in rows):
        mine = sorted((row for row in rows if row["Metadata_Compound"] == name and row["dose"]), key=_dose)
        first = next((place for place, row in enumerate(mine) if row["active"]), 0)
        if first:
            low[name] = [row["dose"] for row in mine[:first]]
    return low


def _dose(row: dict[str, Any]) -> float:
    return float(row["dose"])
