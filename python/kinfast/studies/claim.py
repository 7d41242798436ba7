"""A study's folder answers one question: the question stands in a file, and another is refused once runs are there."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kinfast.errors import RunError
from kinfast.report.tables import write_text

RUNS = "runs"
WHOLE = frozenset({"space"})
"""Parts of a question that are named as a whole: what is in them has no names that a person typed."""


def has_runs(out: Path) -> bool:
    """Say whether a study's folder holds any run, begun or finished."""
    return (out / RUNS).is_dir() and any((out / RUNS).iterdir())


def claim_folder(out: Path, file: str, question: Mapping[str, Any], *, grows: str) -> None:
    """Write what is asked into the folder, or see that the same was asked before.

    A question without a run yet (a missing store, a mistyped option) gives way to the next one.

    Args:
        out: the folder, made where it is missing.
        file: of the question; its stem is the study's kind.
        question: all that decides.
        grows: the part that may differ, as long as it is a number in both: more trials, more seeds.

    Raises:
        RunError: the folder holds runs of another question, or other things.
    """
    path, kind = out / file, Path(file).stem
    question = json.loads(json.dumps(question, default=str))
    if path.is_file() and has_runs(out):
        before = json.loads(path.read_text(encoding="utf-8"))
        other = differing(before, {name: part for name, part in question.items() if name != grows})
        if (before.get(grows) is None) != (question[grows] is None):
            other.append(grows)
        if other:
            raise RunError(
                f"{out} holds another {kind} ({', '.join(other)} differ): give another --out, or the options it had"
            )
    elif not path.is_file() and out.is_dir() and any(out.iterdir()):
        raise RunError(f"{out} is not empty and holds no {kind}: give another --out")
    out.mkdir(parents=True, exist_ok=True)
    write_text(json.dumps(question, indent=2) + "\n", path)


def differing(before: Any, now: Any, name: str = "") -> list[str]:
    """Name the innermost parts of `now` that are otherwise in `before`, each once, in order."""
    if before == now:
        return []
    if isinstance(before, dict) and isinstance(now, dict):
        pairs = [(before.get(key), value, key) for key, value in now.items()]
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now) and name not in WHOLE:
        pairs = [(old, new, name) for old, new in zip(before, now, strict=True)]
    else:
        return [name]
    return list(dict.fromkeys(inner for pair in pairs for inner in differing(*pair)))
