"""Checks that verdicts are true, on simulated plates whose truth is known: the figures at the end of docs/leakage.md.

python -m benchmarks.science ladder      # image > well > compound; above the baselines, not above the oracle
python -m benchmarks.science ladder --scale shape   # the second half on a CPU: targets that brightness does not show
python -m benchmarks.science ladder --scale full    # the same with a network that has learned: wants a GPU
python -m benchmarks.science null        # phenotypes off: how often 20 real small trainings beat the prior
python -m benchmarks.science synthetic   # 500 seeds of logits that know nothing
"""

import argparse
import json
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from benchmarks.simulated_store import prepared_plates
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kinfast import schema
from kinfast.config import PreprocessConfig, TrainConfig
from kinfast.evaluate.levels import make_level
from kinfast.evaluate.paired import find_common, score_common
from kinfast.evaluate.run import Evaluation, evaluate_run, find_units
from kinfast.evaluate.run_folder import CONFIG, PREDICTIONS, read_run
from kinfast.evaluate.scoring import permute_level
from kinfast.metrics.scores import score
from kinfast.simulate.phenotype import TARGETS
from kinfast.simulate.plan import make_plan
from kinfast.simulate.platemap import compounds_of
from kinfast.simulate.settings import CONDITIONS, SimulationSettings
from kinfast.train.run import train

SCORE, ALPHA = "roc_auc_macro", 0.05
LEADS = (("image", "well"), ("well", "compound"), ("image", "compound"), ("oracle", "compound"))
SOUND = dict.fromkeys(CONDITIONS, 0)
LADDER = SimulationSettings(
    plates=2,
    sites=4,
    height=128,
    width=128,
    pixel_um=0.8,
    cells=14,
    targets=3,
    doses_um=(10.0, 5.0),
    effect=1.2,
    own_share=0.5,
    inactive=0.1,
    toxic=0.0,
    well_effect=0.25,
    **SOUND,
)
"""Half of an effect is the compound's own, and wells differ in brightness: what a split by image or well can leak."""
FULL = replace(LADDER, plates=4, layout=384, sites=2)
"""492 compounds, 164 of a target: enough for a network without pretrained weights to learn what they have in common."""
NULL = SimulationSettings(
    plates=1, wells=30, sites=2, height=96, width=96, pixel_um=0.8, cells=8, targets=2, doses_um=(10.0,), effect=0.0,
    inactive=0.0, toxic=0.0, **SOUND,
)  # fmt: skip
RECIPE = TrainConfig(
    backbone="lenet_alexnet", weights="none", task="target", input_size=48, epochs=8, steps_per_epoch=30,
    batch_size=16, loader="torch", device="cpu", patience=0, label_smoothing=0.0, dropout=0.2, folds=2, views=1,
)  # fmt: skip
FULL_RECIPE = replace(
    RECIPE, backbone="resnet18", input_size=112, epochs=40, steps_per_epoch=None, batch_size=64, device="auto", amp=True
)  # fmt: skip
SHAPES = SimulationSettings(
    plates=1, layout=384, wells=200, sites=3, height=64, width=64, pixel_um=1.6, cells=9, targets=2,
    doses_um=(10.0, 6.0), signatures="shape", own_share=0.5, inactive=0.0, toxic=0.0, well_effect=0.3,
    control_share=0.04, **SOUND,
)  # fmt: skip
"""Targets that no measure of brightness shows: two, round and spindle-shaped cells, 96 compounds in two wells each."""
SHAPE_RECIPE = replace(
    RECIPE, backbone="lenet_alexnet_bn", composites=("DNA",), classes=TARGETS[:2], input_size=40, steps_per_epoch=25,
    batch_size=32, learning_rate=3e-3, validation_fraction=0.1, views=2,
)  # fmt: skip
SCALES = {"small": (LADDER, RECIPE, 64), "shape": (SHAPES, SHAPE_RECIPE, 64), "full": (FULL, FULL_RECIPE, 128)}
"""Of the ladder: plates, recipe, shorter side of the prepared images."""
NULL_RECIPE = replace(RECIPE, epochs=2, steps_per_epoch=8, input_size=32, split_by="compound")


def ladder(
    folder: Path, settings: SimulationSettings, recipe: TrainConfig, size: int, draws: int = 300
) -> dict[str, object]:
    """Climb the ladder, and set the compound split against its baselines and the oracle; each lead on shared draws."""
    store = prepared_plates(folder, settings, PreprocessConfig(shorter_side=size))
    runs, metrics = {}, {}
    for split in ("image", "well", "compound"):
        runs[split] = folder / split
        if not (folder / split / "predictions.parquet").is_file():
            train(store, replace(recipe, split_by=split, allow_leak=split == "image"), folder / split)
        metrics[split] = evaluate_run(folder / split, draws=draws).metrics
    strict = metrics["compound"]
    runs["oracle"] = write_oracle(runs["compound"], settings, folder / "oracle")
    leads = {f"{one} over {other}": lead(runs[one], runs[other], draws) for one, other in LEADS}
    leads |= {f"compound over {name}": found["well"][SCORE] for name, found in strict["differences"].items()}
    permuted = strict["permutation_p"]["well"][SCORE]
    return {
        "wells": {split: found["test"]["well"][SCORE] for split, found in metrics.items()},
        "baselines": {name: levels["well"][SCORE]["value"] for name, levels in strict["baselines"].items()},
        "oracle": evaluate_run(runs["oracle"], draws=draws).metrics["test"]["well"][SCORE],
        "leads": leads,
        "permuted_p": permuted,
        "holds": {name: (found["low"] or 0.0) > 0 for name, found in leads.items()} | {"permuted": permuted <= ALPHA},
    }


def lead(one: Path, other: Path, draws: int) -> dict[str, float | None]:
    """Give one run's lead over another in wells, on the same draws of compounds."""
    common = find_common([read_run(one), read_run(other)])
    level = common.level("well", "compound")
    assert level is not None
    first, second = score_common(common, level, draws)
    return first.difference(second)[SCORE]


def write_oracle(run: Path, settings: SimulationSettings, out: Path) -> Path:
    """Write what a classifier says that sees the planted phenotypes, under a run's own split, as a run of its own."""
    loaded = read_run(run)
    table = loaded.table[loaded.table[schema.PART].isin(["train", "test"])].reset_index(drop=True)
    phenotypes = {
        (site.well.plate, site.well.name): site.well.treatment.phenotype.values
        for site in make_plan(settings, compounds_of(settings)).sites
    }
    values = np.array([phenotypes[key] for key in zip(table[schema.PLATE], table[schema.WELL], strict=True)])
    said = np.zeros((len(table), len(loaded.classes)))
    for fold in table[schema.FOLD].unique():
        fitted, asked = (
            ((table[schema.FOLD] == fold) & (table[schema.PART] == p)).to_numpy() for p in ("train", "test")
        )
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
        model.fit(values[fitted], loaded.codes(table[fitted]))
        said[np.ix_(asked, model.classes_)] = model.predict_proba(values[asked])
    table[[schema.probability(name) for name in loaded.classes]] = said
    out.mkdir(exist_ok=True)
    table.to_parquet(out / PREDICTIONS)
    shutil.copy(run / CONFIG, out)
    return out


def null_trainings(folder: Path, seeds: int) -> dict[str, object]:
    """Train on plates without phenotypes, and count how often the verdict says better than the prior."""
    fired = []
    for seed in range(seeds):
        store = prepared_plates(folder / str(seed), replace(NULL, seed=seed), PreprocessConfig(shorter_side=48))
        run = folder / str(seed) / "run"
        if not (run / "predictions.parquet").is_file():
            train(store, replace(NULL_RECIPE, seed=seed), run)
        if holds(evaluate_run(run, draws=199), "better_than_prior"):
            fired.append(seed)
        print(f"seed {seed}: {len(fired)} of {seed + 1} fired", flush=True)
    return {"seeds": seeds, "fired": fired}


def holds(evaluation: Evaluation, name: str) -> bool:
    """Give a verdict's answer."""
    return any(verdict["name"] == name and verdict["holds"] for verdict in evaluation.metrics["verdicts"])


def synthetic_fires(seed: int, permutations: int = 39) -> bool:
    """Tell whether the pre-declared test fires on logits that know nothing: 36 compounds, 4 classes of unequal size,
    two wells of two sites each, what sites say alike within a compound."""
    rng = np.random.default_rng(seed)
    of_compound = rng.permutation(np.repeat(np.arange(4), (15, 10, 6, 5)))
    compound = np.repeat(np.arange(36), 4)
    table = pd.DataFrame(
        {
            schema.PLATE: "P1",
            schema.WELL: [f"A{number:03d}" for number in np.arange(144) // 2],
            schema.COMPOUND: [f"C{number}" for number in compound],
        }
    )
    logits = rng.normal(size=(36, 4))[compound] + rng.normal(size=(144, 4)) + np.log([15, 10, 6, 5])
    said = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    folds, codes = compound % 2, of_compound[compound]
    level = make_level("compound", folds.astype(np.int64), codes.astype(np.int64), find_units(table), "compound")
    assert level is not None
    values = score(level.average(said), level.codes)
    return bool((permute_level(level, said, values, permutations, [seed])[1][SCORE] or 1.0) <= ALPHA)


def synthetic(seeds: int) -> dict[str, object]:
    """Give the share of seeds on which the test fires."""
    fired = sum(synthetic_fires(seed) for seed in range(seeds))
    return {"seeds": seeds, "fired": fired, "share": fired / seeds}


def main() -> None:
    """Run one of the checks and print its figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("check", choices=("ladder", "null", "synthetic"))
    parser.add_argument("--folder", type=Path, help="kept, and gone on from; default: a temporary one")
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--seed", type=int, default=LADDER.seed, help="of the ladder's plates and trainings")
    parser.add_argument("--scale", choices=tuple(SCALES), default="small", help="of the ladder; full wants a GPU")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.folder or Path(temporary)
        if asked.check == "ladder":
            settings, recipe, size = SCALES[asked.scale]
            found = ladder(folder, replace(settings, seed=asked.seed), replace(recipe, seed=asked.seed), size)
        elif asked.check == "null":
            found = null_trainings(folder, asked.seeds or 20)
        else:
            found = synthetic(asked.seeds or 500)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
