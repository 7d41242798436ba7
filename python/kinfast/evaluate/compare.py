"""`kinfast compare`: runs against each other on the same test units, and what else differs between them."""

import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from kinfast import config
from kinfast.errors import UsageError
from kinfast.evaluate.levels import LEVELS
from kinfast.evaluate.paired import TESTED, Common, find_common, holm, score_common, swap_test
from kinfast.evaluate.run_folder import Run, read_run
from kinfast.progress import Reporter, Silent

DERIVED = frozenset(
    {"asked", "notes", "software_version", "parameters_hash", "channels", "streams", "classes", "image_size", "stores"}
)
"""Parts of config.json that follow from others, or are said elsewhere."""
WORDS = {"roc_auc_macro": "macro ROC AUC", "balanced_accuracy": "balanced accuracy", "top1_accuracy": "top-1 accuracy"}


def compare_runs(
    paths: Sequence[Path], *, draws: int = config.BOOTSTRAP_DRAWS, reporter: Reporter | None = None
) -> dict[str, Any]:
    """Compare runs, every pair of them, on the test sites that all have in common.

    Args:
        paths: folders of two or more runs of the same classes.
        draws: of the bootstrap.
        reporter: told of the progress.

    Returns:
        What compare.json holds: `runs` (name, path, test sites, scores of the common units at each level), `level`,
        `n_units`, `pairs` (differences, p, what else differs, a verdict), `verdicts`.

    Raises:
        UsageError: fewer than two runs, or one twice. RunError: runs that cannot be compared.
    """
    if len(paths) < 2:
        raise UsageError(f"{len(paths)} run: wanted two or more to compare")
    if len({path.resolve() for path in paths}) < len(paths):
        raise UsageError(f"{', '.join(map(str, paths))}: a run is named twice; wanted each once")
    reporter, runs = reporter or Silent(), [read_run(path) for path in paths]
    names = _names(runs)
    common = find_common(runs)
    own = "compound" if all(run.split_by == "compound" for run in runs) else "well"
    level = common.level(own, own)
    if level is None:
        own, level = "well", common.level("well", "well")
    assert level is not None
    pairs = list(itertools.combinations(range(len(runs)), 2))
    reporter.stage("comparing", len(pairs) + 1, "pairs")
    with threadpool_limits(1, user_api="blas"):
        levels = {name: common.level(name, own) for name in LEVELS}
        scores = {
            name: None if found is None else [one.entries() for one in score_common(common, found, draws)]
            for name, found in levels.items()
        }
        scored = score_common(common, level, draws)
        reporter.advance()
        rows = []
        for first, second in pairs:
            said = common.probabilities
            rows.append(
                {
                    "first": names[first],
                    "second": names[second],
                    "differences": scored[first].difference(scored[second]),
                    "p": swap_test(level, said[first], said[second], [config.SEED, first, second]),
                    "differs": config_differences(runs[first].config, runs[second].config),
                }
            )
            reporter.advance()
    _correct(rows)
    about = {"level": own, "n_units": level.n_rows, "n_sites": int(common.codes.size), "draws": draws}
    entries = [_run_entry(run, names[n], common, n, scores) for n, run in enumerate(runs)]
    return about | {"runs": entries, "pairs": rows, "verdicts": _verdicts(about, entries, rows)}


def config_differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, list[Any]]:
    """List what differs between two runs' settings: name -> both values."""
    names = [name for name in sorted({*one, *other}) if name not in DERIVED]
    return {name: [one.get(name), other.get(name)] for name in names if one.get(name) != other.get(name)}


def write_comparison(found: Mapping[str, Any], path: Path) -> None:
    """Write compare.json through a temporary name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_text(json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    unfinished.replace(path)


def _names(runs: Sequence[Run]) -> list[str]:
    """Name each run by its folder, or by its path where that is not enough."""
    names = [run.name for run in runs]
    return names if len(set(names)) == len(names) else [str(run.path) for run in runs]


def _run_entry(run: Run, name: str, common: Common, place: int, scores: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "path": str(run.path),
        "split_by": str(run.config.get("split_by", run.split_by)),
        "split_hash": run.config.get("split_hash"),
        "test_sites": common.n_own[place],
        "test_sites_in_common": int(common.codes.size),
        "test": {level: None if entries is None else entries[place] for level, entries in scores.items()},
    }


def _correct(rows: list[dict[str, Any]]) -> None:
    """Add p-values corrected for the number of pairs."""
    for row in rows:
        row["p_corrected"] = dict.fromkeys(TESTED)
    for name in TESTED:
        known = [row for row in rows if row["p"][name] is not None]
        for row, p in zip(known, holm([row["p"][name] for row in known]), strict=True):
            row["p_corrected"][name] = round(p, 12)


def _verdicts(
    about: Mapping[str, Any], runs: Sequence[Mapping[str, Any]], pairs: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    name = TESTED[0]
    found = []
    for pair in pairs:
        lead, p = pair["differences"][name], pair["p_corrected"][name]
        if lead["low"] is None or p is None:
            text = f"{pair['first']} and {pair['second']} cannot be compared: too few {about['level']}s in common."
            found.append({"name": f"{pair['first']} differs from {pair['second']}", "holds": False, "text": text})
            continue
        differ = p <= 1 - config.INTERVAL
        first, second = pair["first"], pair["second"]
        value, low, high = lead["value"], lead["low"], lead["high"]
        if differ and value < 0:
            first, second, value, low, high = second, first, -value, -high, -low
        head = f"{first} is {'better than' if differ else 'not shown to differ from'} {second}"
        others = ", ".join(pair["differs"]) or "nothing"
        text = (
            f"{head}: by {value:.3f} ({low:.3f} to {high:.3f}) in {WORDS[name]} over {about['n_units']}"
            f" {about['level']}s in common, p = {p:.2g}; their settings differ in {others}."
        )
        found.append({"name": f"{pair['first']} differs from {pair['second']}", "holds": bool(differ), "text": text})
    for run in runs:
        if run["test_sites"] > run["test_sites_in_common"]:
            text = (
                f"{run['name']} was compared on {run['test_sites_in_common']} of its {run['test_sites']} test sites:"
                " the others are not tested in every run."
            )
            found.append({"name": "partly compared", "holds": True, "text": text})
    splits = {run["split_hash"] for run in runs}
    if len(splits) > 1:
        text = "The runs were split differently: each may have trained on what another was tested on."
        found.append({"name": "different splits", "holds": True, "text": text})
    return found
