"""How much of a score is leakage: the same model and recipe under splits by image, well, plate and compound."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from kinfast import config
from kinfast.evaluate.levels import Level
from kinfast.evaluate.paired import find_common, independent_difference
from kinfast.evaluate.run_folder import METRICS, Run, read_run
from kinfast.evaluate.scoring import Scored, draw_clusters, score_level

LADDER = ("image", "well", "plate", "compound")
"""From the split that leaks most to the one that leaks least."""
STEP_LEVEL = "well"
"""What the steps are compared on: wells exist under every split."""
SCORE = "roc_auc_macro"
CHANCE = 0.5
SAME = 0.999
"""Share of the test sites that two runs must have in common for their difference to be paired."""


def measure_leakage(
    runs: Mapping[str, Path], skipped: Mapping[str, str], draws: int = config.BOOTSTRAP_DRAWS
) -> dict[str, Any]:
    """Put the ladder together from evaluated runs.

    Args:
        runs: split level -> folder of an evaluated run, in the ladder's order.
        skipped: split level -> why there is no run.
        draws: of the bootstrap of the steps' differences, over compounds (control wells each for itself).

    Returns:
        What leakage.json holds: for each level of the ladder, the scores of sites, wells and compounds (None where it
        was skipped); `baselines` of the strictest, `split_baselines` of each; `steps`: what each level's score loses
        to the strictest one, with interval, and which share of what lies above chance that is; `verdicts`.
    """
    loaded = {level: read_run(path) for level, path in runs.items()}
    metrics = {level: _metrics(path) for level, path in runs.items()}
    found: dict[str, Any] = {level: metrics[level]["test"] if level in metrics else None for level in LADDER}
    found["split_baselines"] = {level: content["baselines"] for level, content in metrics.items()}
    found["baselines"] = found["split_baselines"].get(_strictest(loaded), {})
    with threadpool_limits(1, user_api="blas"):
        found["steps"] = _steps(loaded, draws)
    found["about"] = {
        "score": SCORE,
        "level": STEP_LEVEL,
        "strictest": _strictest(loaded),
        "draws": draws,
        "skipped": dict(skipped),
        "runs": {level: str(path) for level, path in runs.items()},
        "beats": {level: _beats(content) for level, content in metrics.items()},
    }
    found["verdicts"] = leakage_verdicts(found)
    return found


def write_leakage(found: Mapping[str, Any], path: Path) -> None:
    """Write leakage.json through a temporary name."""
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_text(json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    unfinished.replace(path)


def _metrics(run: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((run / METRICS).read_text(encoding="utf-8"))
    return content


def _strictest(runs: Mapping[str, Run]) -> str | None:
    return next((level for level in reversed(LADDER) if level in runs), None)


def _steps(runs: Mapping[str, Run], draws: int) -> list[dict[str, Any]]:
    last = _strictest(runs)
    steps = []
    for level in LADDER:
        if level not in runs or last is None or level == last:
            continue
        lead, paired, score = _difference(runs[level], runs[last], draws)
        above = (score or CHANCE) - CHANCE
        share = lead["value"] / above if lead["value"] is not None and above > 0 else None
        steps.append(
            {
                "split_by": level,
                "against": last,
                "leakage": lead,
                "paired": paired,
                "share_above_chance": None if share is None else round(float(np.clip(share, 0, 1)), 6),
            }
        )
    return steps


def _difference(one: Run, other: Run, draws: int) -> tuple[dict[str, Any], bool, float | None]:
    """Give one run's lead in wells over another: on the same draws where both were tested on the same sites."""
    common = find_common([one, other])
    if common.codes.size >= SAME * max(common.n_own):
        level = common.level(STEP_LEVEL, "compound")
        assert level is not None
        multiplicities = draw_clusters(level, draws, [config.SEED, 31])
        scored = [score_level(level, said, multiplicities) for said in common.probabilities]
        return scored[0].difference(scored[1])[SCORE], True, scored[0].values[SCORE]
    alone = [_alone(run, draws, seed) for run, seed in ((one, 32), (other, 33))]
    return independent_difference(alone[0], alone[1])[SCORE], False, alone[0].values[SCORE]


def _alone(run: Run, draws: int, seed: int) -> Scored:
    common = find_common([run])
    level: Level | None = common.level(STEP_LEVEL, "compound")
    assert level is not None
    return score_level(level, common.probabilities[0], draw_clusters(level, draws, [config.SEED, seed]))


def _beats(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Take the run's own verdicts on its baselines: name -> holds, text."""
    kept = (verdict for verdict in metrics["verdicts"] if verdict["name"].startswith("better_than_"))
    return {verdict["name"]: {"holds": verdict["holds"], "text": verdict["text"]} for verdict in kept}


def leakage_verdicts(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Say how much of each step's score is leakage, and whether the strictest split beats its baselines."""
    verdicts = []
    for step in found["steps"]:
        name, lead = f"leakage_by_{step['split_by']}", step["leakage"]
        if lead["value"] is None or lead["low"] is None:
            text = f"Split by {step['split_by']} against {step['against']}: not comparable, no interval exists."
            verdicts.append({"name": name, "holds": False, "text": text})
            continue
        holds = bool(lead["low"] > 0)
        value = found[step["split_by"]][STEP_LEVEL][SCORE]["value"]
        span = f"{lead['value']:.3f} ({lead['low']:.3f} to {lead['high']:.3f})"
        share = step["share_above_chance"]
        part = f", {share:.0%} of what lies above chance" if share is not None else ""
        head = (
            f"Split by {step['split_by']} the macro ROC AUC in wells is {value:.3f}; split by {step['against']} it is "
            f"lower by {span}"
        )
        text = f"{head}: that much of it{part} is leakage." if holds else f"{head}: no leakage is shown."
        verdicts.append({"name": name, "holds": holds, "text": text})
    last = found["about"]["strictest"]
    for name, verdict in found["about"]["beats"].get(last, {}).items():
        text = f"Split by {last}: {verdict['text']}"
        verdicts.append({"name": f"{last}_{name}", "holds": verdict["holds"], "text": text})
    for level, reason in found["about"]["skipped"].items():
        verdicts.append({"name": f"{level}_skipped", "holds": True, "text": f"No split by {level}: {reason}."})
    return verdicts
