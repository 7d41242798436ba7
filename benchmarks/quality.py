"""How well quality flags find what was planted, over 18 simulated plates: the table of docs/quality.md.

python -m benchmarks.quality                    # three seeds, three densities, two strengths of phenotype
python -m benchmarks.quality --seeds 7 --write  # fewer; puts the table between the page's markers
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from kinfast import schema
from kinfast.cli.demo_findings import merge_truth
from kinfast.config import PreprocessConfig
from kinfast.plate.open import open_plates
from kinfast.preprocess.run import preprocess
from kinfast.simulate.run import simulate_plates
from kinfast.simulate.settings import CONDITIONS, SimulationSettings

PAGE = Path(__file__).parents[1] / "docs" / "quality.md"
BEGIN, END = "<!-- measured -->", "<!-- end -->"
CELLS, EFFECTS = (15, 60, 150), {"weak": 0.4, "strong": 1.2}
HIGH = ("saturated", "debris")
"""Conditions whose measure is above its threshold; the others' is below."""
COUNTED = 5
"""Cells from which on an error of the count is a share of them."""
DOSES_UM, TOXICITY = (30.0, 10.0, 5.0), (0.8, 0.98)
"""So that toxic wells keep from most of their cells to hardly any."""
KILLED, SPARED = 0.15, 0.3
"""Shares of the negative controls' cells, on either side of the flag's 0.2: below the one few are left."""


def simulate_and_judge(folder: Path, seed: int, cells: int, effect: float) -> pd.DataFrame:
    """Give sites.parquet of one plate joined with its truth."""
    planted = dict.fromkeys(CONDITIONS, 3)
    settings = SimulationSettings(
        plates=1,
        wells=30,
        sites=5,
        cells=cells,
        doses_um=DOSES_UM,
        effect=effect,
        toxic=0.3,
        toxicity=TOXICITY,
        inactive=0.1,
        seed=seed,
        **planted,
    )
    simulate_plates(folder / "plates", settings, 2)
    preprocess(open_plates(folder / "plates"), folder / "prepared", PreprocessConfig(), threads=2)
    return merge_truth(folder / "plates", folder / "prepared")


def summarise(sites: pd.DataFrame) -> dict[str, float]:
    """Give a plate's figures: areas under ROC curves against sound sites, wrong flags, errors of the count."""
    sound = sites["condition"] == "normal"
    found: dict[str, float] = {}
    for condition in CONDITIONS:
        among = sites[(sound & (sites["n_cells"] > 0)) | (sites["condition"] == condition)]
        share = among[f"Quality_{condition}_measure"] / among[f"Quality_{condition}_threshold"]
        side = 1 if condition in HIGH else -1
        found[condition] = float(roc_auc_score(among["condition"] == condition, side * share))
        found[f"flagged {condition}"] = float(among.loc[among["condition"] == condition, f"Flag_{condition}"].mean())
    populated = sites[sound & (sites["n_cells"] > 0)]
    flags = [flag for flag in schema.FLAGS if flag != "Flag_few_cells"]
    found["wrong"] = float(populated[flags].any(axis=1).mean())
    found["cells remain"] = float(populated["Flag_empty"].sum())
    counted = sites[sound & (sites["n_cells"] >= COUNTED)]
    found["count"] = float(np.median(np.abs(counted["Quality_cells"] / counted["n_cells"] - 1)))
    return found | judge_few_cells(sites[sound])


def judge_few_cells(sound: pd.DataFrame) -> dict[str, float]:
    """Count the sites where toxic wells left few cells, those of them flagged, and those flagged with cells enough."""
    usual = sound.loc[sound[schema.ROLE] == "negcon", "n_cells"].median()
    share = sound["n_cells"] / usual
    killed, spared = sound[(share < KILLED) & (sound["n_cells"] > 0)], sound[share > SPARED]
    return {
        "killed": len(killed),
        "few": int(killed["Flag_few_cells"].sum()),
        "wrongly few": float(spared["Flag_few_cells"].mean()),
    }


def table(rows: list[tuple[int, int, str, dict[str, float]]]) -> str:
    """Lay the figures out as Markdown, a row a plate."""
    heads = ["seed", "cells", "phenotype", *CONDITIONS, "wrong flags", "empty though cells remain"]
    heads += ["few cells found", "wrongly few cells", "error of count"]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for seed, cells, words, found in rows:
        areas = [f"{found[name]:.3f}" for name in CONDITIONS]
        rest = [f"{found['wrong']:.1%}", f"{found['cells remain']:.0f}", f"{found['few']} of {found['killed']}"]
        rest += [f"{found['wrongly few']:.1%}", f"{found['count']:.1%}"]
        lines.append("| " + " | ".join([str(seed), str(cells), words, *areas, *rest]) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[21, 22, 23])
    parser.add_argument("--cells", type=int, nargs="+", default=list(CELLS))
    parser.add_argument("--write", action="store_true", help="put the table into docs/quality.md")
    asked = parser.parse_args()
    rows = []
    for seed in asked.seeds:
        for cells in asked.cells:
            for words, effect in EFFECTS.items():
                with tempfile.TemporaryDirectory() as folder:
                    found = summarise(simulate_and_judge(Path(folder), seed, cells, effect))
                rows.append((seed, cells, words, found))
                missed = [name for name in CONDITIONS if found[f"flagged {name}"] < 1]
                print(seed, cells, words, f"not all flagged: {missed}" if missed else "all planted sites flagged")
    print(table(rows))
    if asked.write:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        PAGE.write_text(f"{before}{BEGIN}\n{table(rows)}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
