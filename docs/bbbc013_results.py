"""Gather what runs on the BBBC013 plate found: held-out controls, dose curves, EC50, baselines; tables and a figure.

Usage: python docs/bbbc013_results.py docs/pictures/bbbc013.png RUN... --permuted RUN...
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

PROBABILITY, DOSE, COMPOUND = "probability_poscon", "Metadata_dose_index", "Metadata_Compound"
LOW_DOSES = (1, 2)
COLOURS = {"wortmannin": "#1f6f8b", "LY294002": "#c8553d"}


@dataclass(frozen=True, slots=True)
class Result:
    """What one run found.

    Attributes:
        auc: well-level ROC AUC of held-out controls, mean over the folds.
        low: compound -> mean probability of a positive control at dose indices 1 and 2.
        spearman: compound -> rank correlation of probability and dose over the 36 dose wells.
        curve: one row a compound x dose, mean probability over the four wells.
    """

    auc: float
    low: dict[str, float]
    spearman: dict[str, float]
    curve: pd.DataFrame


def read_result(run: Path) -> Result:
    """Read a run's stored predictions and metrics."""
    metrics = json.loads((run / "metrics.json").read_text())
    folds = [fold["well"]["roc_auc_macro"]["value"] for fold in metrics["folds"]]
    sites = pd.read_parquet(run / "predictions.parquet")
    doses = sites[(sites["part"] == "unlabelled") & (sites["Metadata_Role"] == "trt")]
    by_compound = {str(name): group for name, group in doses.groupby(COMPOUND)}
    return Result(
        auc=sum(folds) / len(folds),
        low={name: float(g.loc[g[DOSE].isin(LOW_DOSES), PROBABILITY].mean()) for name, g in by_compound.items()},
        spearman={name: float(g[PROBABILITY].rank().corr(g[DOSE].rank())) for name, g in by_compound.items()},
        curve=doses.groupby([COMPOUND, DOSE])[PROBABILITY].mean().reset_index(),
    )


def baseline_lines(run: Path) -> list[str]:
    """Give each baseline's well-level AUC on the pooled test parts."""
    baselines = json.loads((run / "metrics.json").read_text())["baselines"]
    return [f"{name}: {value['well']['roc_auc_macro']['value']}" for name, value in baselines.items()]


def draw(results: list[Result], permuted: list[Result], path: Path) -> None:
    """Draw dose curves of the runs, and of those with permuted labels beside them."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for axis, group, title in zip(axes, (results, permuted), ("labels as they are", "labels permuted"), strict=True):
        for result in group:
            for name, curve in result.curve.groupby(COMPOUND):
                axis.plot(curve[DOSE], curve[PROBABILITY], "o-", color=COLOURS[str(name)], alpha=0.7, markersize=4)
        aucs = ", ".join(f"{result.auc:.2f}" for result in group)
        axis.set(title=f"{title}\nheld-out controls: AUC {aucs}", xlabel="dose index", ylim=(0, 1), xticks=range(1, 10))
        axis.spines[["top", "right"]].set_visible(False)
    for name, colour in COLOURS.items():
        axes[0].plot([], [], "o-", color=colour, label=name)
    axes[0].legend(frameon=False, loc="upper left")
    axes[0].set_ylabel("probability of a positive control")
    figure.savefig(path, dpi=130)


def table(results: list[Result], title: str) -> str:
    """Write one Markdown row a run."""
    names = sorted(results[0].spearman)
    head = ["seed", "held-out AUC", *(f"{n}, doses 1–2" for n in names), *(f"{n}, Spearman" for n in names)]
    rows = [f"**{title}**", "", "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for seed, result in enumerate(results):
        values = [result.auc, *(result.low[n] for n in names), *(result.spearman[n] for n in names)]
        rows.append(f"| {seed} | " + " | ".join(f"{value:.3f}" for value in values) + " |")
    return "\n".join(rows)


def dose_table(runs: list[Path]) -> str:
    """Write one Markdown row a run and inhibitor: EC50 with its interval, and the doses that do nothing."""
    rows = ["| run | compound | EC50, dose index | interval over wells | inactive doses |", "|---|---|---|---|---|"]
    for run in runs:
        activity = pd.read_csv(run / "tables" / "activity_doses.csv")
        for curve in pd.read_csv(run / "tables" / "dose_compounds.csv").itertuples():
            idle = activity[(activity[COMPOUND] == curve.compound) & ~activity["active"]]["dose"]
            doses = ", ".join(f"{dose:g}" for dose in idle) or "none"
            rows.append(
                f"| {run.name} | {curve.compound} | {curve.ec50:.2f} | {curve.low:.1f} – {curve.high:.1f} | {doses} |"
            )
    return "\n".join(rows)


def main() -> None:
    """Read the runs, draw the figure, write the table to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("figure", type=Path)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--permuted", type=Path, nargs="+", required=True, help="runs on permuted labels")
    given = parser.parse_args()
    results = [read_result(run) for run in given.runs]
    permuted = [read_result(run) for run in given.permuted]
    draw(results, permuted, given.figure)
    print(table(results, "labels as they are") + "\n\n" + table(permuted, "labels permuted") + "\n")
    print(dose_table(given.runs) + "\n")
    print("\n".join(baseline_lines(given.runs[0])))


if __name__ == "__main__":
    main()
