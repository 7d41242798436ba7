"""How much of what a plate split loses is won back by the negative controls: the figures of docs/embed.md.

    python -m benchmarks.plate_effects --folder plate_effects      # wants a GPU
    python -m benchmarks.plate_effects --scale cpu                 # fewer, smaller plates: half an hour of one core

(`--scale small` is to see that it runs.)

Every compound lies on each of the simulated plates, and plates differ strongly in brightness, channel by channel, and
in cell number. Windows are the same for all plates, so that preprocessing corrects none of it. A split by well has each
plate on both sides, a split by plate tests plates that training has not seen: the difference is what plates cost. Then
the models of the plate split are asked again with each plate's batch normalisation re-estimated on its controls, and
their features are classified (logistic regression) as they are, standardised, and whitened on the controls (TVN).
"""

import argparse
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from benchmarks.simulated_store import prepared_plates
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kinfast import schema
from kinfast.config import PreprocessConfig, TrainConfig
from kinfast.data.store import PreparedStore
from kinfast.metrics.typical_variation import standardise_by_controls, typical_variation
from kinfast.simulate.settings import CHANNELS, CONDITIONS, SimulationSettings
from kinfast.train.finished.apply import embed_sites, predict_folds
from kinfast.train.run import train

WELL, PLATE = "well", "plate"
FULL_WINDOW = 16_000.0
"""Counts that become 255: above the brightest structures of a plate of usual brightness, in every channel."""
PLATES = SimulationSettings(
    plates=4, layout=384, sites=2, height=128, width=128, pixel_um=0.8, cells=14, compounds=123, targets=3,
    doses_um=(10.0, 5.0), effect=1.2, own_share=0.3, inactive=0.0, toxic=0.0, plate_effect=0.5, well_effect=0.1,
    **dict.fromkeys(CONDITIONS, 0),
)  # fmt: skip
RECIPE = TrainConfig(
    backbone="resnet18", weights="none", task="target", input_size=112, epochs=22, batch_size=64, loader="torch",
    amp=True, patience=0, label_smoothing=0.0, dropout=0.2, folds=2, views=1,
)  # fmt: skip
SCALES = {
    "full": (PLATES, RECIPE),
    "cpu": (
        replace(PLATES, layout=96, sites=3, height=80, width=80, cells=7, compounds=30, effect=2.0),
        replace(
            RECIPE,
            backbone="lenet_alexnet_bn",
            composites=("DNA+RNA+ER+AGP+Mito",),
            learning_rate=1e-3,
            input_size=64,
            epochs=30,
            batch_size=32,
            amp=False,
        ),
    ),
    "small": (
        replace(PLATES, layout=96, wells=20, sites=2, height=64, width=64, cells=4, compounds=8),
        replace(RECIPE, input_size=32, epochs=1, steps_per_epoch=2, batch_size=8, amp=False),
    ),
}
Scores = dict[str, float]


def prepare(folder: Path, settings: SimulationSettings) -> PreparedStore:
    """Prepare plates with windows that are the same for all of them."""
    windows = tuple((channel, 0.0, FULL_WINDOW) for channel in CHANNELS)
    config = PreprocessConfig(shorter_side=settings.height, intensity="fixed", windows=windows)
    return prepared_plates(folder, settings, config)


def sites_of(run: Path, store: PreparedStore) -> pd.DataFrame:
    """Give a run's labelled sites of each fold, with their rows in the store's table."""
    table = pd.read_parquet(run / "predictions.parquet")
    table = table[table["part"] != schema.PART_UNLABELLED].reset_index(drop=True)
    places = pd.MultiIndex.from_frame(store.sites[list(schema.KEY)])
    return table.assign(row=places.get_indexer(pd.MultiIndex.from_frame(table[list(schema.KEY)])))


def rate(said: NDArray[np.float64], truth: NDArray[np.str_], names: list[str]) -> Scores:
    """Score sites' probabilities: macro ROC area, and balanced accuracy."""
    codes = np.array([names.index(name) for name in truth])
    area = roc_auc_score(np.eye(len(names))[codes], said, average="macro")
    return {"roc_auc_macro": float(area), "balanced_accuracy": float(balanced_accuracy_score(codes, said.argmax(1)))}


def over_folds(table: pd.DataFrame, ask: Callable[[int, pd.DataFrame, pd.DataFrame], NDArray[np.float64]]) -> Scores:
    """Average over the folds the scores of their test sites. `ask` takes a fold, its train and its test sites."""
    names = sorted(table["truth"].unique())
    scores = []
    for fold, rows in table.groupby(schema.FOLD):
        trained, tested = (rows[rows["part"] == part] for part in ("train", "test"))
        scores.append(rate(ask(int(fold), trained, tested), tested["truth"].to_numpy(np.str_), names))
    return {name: float(np.mean([score[name] for score in scores])) for name in scores[0]}


def of_network(run: Path, store: PreparedStore, adapt_bn: str) -> Scores:
    """Score what each fold's network says of its test sites."""
    _, folds = predict_folds(run, store, adapt_bn=adapt_bn, threads=os.cpu_count() or 1)
    return over_folds(
        sites_of(run, store), lambda fold, _, tested: folds[fold].probabilities[tested["row"]].astype(np.float64)
    )


def of_features(run: Path, store: PreparedStore, normalise: str) -> Scores:
    """Score a logistic regression on each fold's features, fitted on the train sites, normalised plate by plate."""
    plates = np.unique(store.sites[schema.PLATE].astype(str), return_inverse=True)[1].astype(np.int64)
    control = (store.sites[schema.ROLE] == schema.ROLE_NEGATIVE).to_numpy(np.bool_)
    ways = {
        "none": lambda values: values,
        "standardise": lambda values: standardise_by_controls(values, plates, control),
        "tvn": lambda values: typical_variation(values, plates, control),
    }
    folds = [ways[normalise](values.astype(np.float64)) for values in embed_sites(run, store)]

    def ask(fold: int, trained: pd.DataFrame, tested: pd.DataFrame) -> NDArray[np.float64]:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000))
        model.fit(folds[fold][trained["row"]], trained["truth"].to_numpy(np.str_))
        return np.asarray(model.predict_proba(folds[fold][tested["row"]]))

    return over_folds(sites_of(run, store), ask)


def won_back(known: Scores, lost: Scores, found: Scores) -> Scores:
    """Give the share of the loss that is won back, of each score."""
    return {name: (found[name] - lost[name]) / (known[name] - lost[name]) for name in known}


def measure(folder: Path, settings: SimulationSettings, recipe: TrainConfig) -> dict[str, dict[str, Scores]]:
    """Train by well and by plate, and ask the second again in each way."""
    store = prepare(folder, settings)
    for split in (WELL, PLATE):
        if not (folder / split / "predictions.parquet").is_file():
            train(store, replace(recipe, split_by=split), folder / split, threads=os.cpu_count() or 1)
    network = {
        "split by well": of_network(folder / WELL, store, "none"),
        "split by plate": of_network(folder / PLATE, store, "none"),
        "split by plate, --adapt-bn controls": of_network(folder / PLATE, store, "controls"),
    }
    features = {
        "split by well": of_features(folder / WELL, store, "none"),
        "split by plate": of_features(folder / PLATE, store, "none"),
        "split by plate, standardise": of_features(folder / PLATE, store, "standardise"),
        "split by plate, tvn": of_features(folder / PLATE, store, "tvn"),
    }
    shares = {}
    for what, scores in (("network", network), ("features", features)):
        known, lost, *found = scores
        shares |= {f"{what}, {name}": won_back(scores[known], scores[lost], scores[name]) for name in found}
    return {"network": network, "features": features, "won back": shares}


def main() -> None:
    """Measure and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="kept, and gone on from; default: a temporary one")
    parser.add_argument("--scale", choices=tuple(SCALES), default="full")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    settings, recipe = SCALES[asked.scale]
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.folder or Path(temporary)
        found = measure(folder, replace(settings, seed=asked.seed), replace(recipe, seed=asked.seed))
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
