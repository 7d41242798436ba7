"""VGG16 without pretrained weights, which the thesis could not train: does it beat what knows the class sizes alone?

python -m benchmarks.vgg16_scratch                 # about six minutes of one core's time, on two cores
python -m benchmarks.vgg16_scratch --init torchvision

Simulated wells, half of them controls, split by well; the network of full width on images of 96 pixels. Prints test
scores with 95 % intervals over wells, and exits with 1 where an interval holds what the prior gives.
"""

import argparse
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.simulated_store import prepared_plates

from kinfast.config import PreprocessConfig, TrainConfig
from kinfast.evaluate.run import evaluate_run
from kinfast.models.initialise import INITS
from kinfast.progress import Silent
from kinfast.simulate.settings import CONDITIONS, SimulationSettings
from kinfast.train.run import train

SIDE = 96
PLATES = SimulationSettings(
    plates=1,
    wells=40,
    sites=3,
    height=192,
    width=192,
    cells=14,
    targets=1,
    control_share=0.5,
    effect=3.0,
    own_share=0.0,
    inactive=0.0,
    toxic=0.0,
    plate_effect=0.0,
    well_effect=0.05,
    **dict.fromkeys(CONDITIONS, 0),
)
RECIPE = TrainConfig(
    backbone="vgg16",
    weights="none",
    composites=("MiCoPh",),
    task="role",
    split_by="well",
    test_fraction=0.3,
    validation_fraction=0.15,
    input_size=SIDE,
    batch_size=8,
    epochs=4,
    steps_per_epoch=20,
    learning_rate=3e-5,
    warmup_epochs=0.5,
    dropout=0.0,
    label_smoothing=0.0,
    loader="torch",
    device="cpu",
    patience=0,
)


class Lines(Silent):
    """Prints each epoch."""

    def line(self, text: str) -> None:
        """Print what an epoch came to."""
        if text.startswith("fold"):
            print(text, flush=True)


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--init", choices=INITS, default="auto")
    parser.add_argument("--learning-rate", type=float, default=RECIPE.learning_rate)
    parser.add_argument("--dropout", type=float, default=RECIPE.dropout)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="kept, and gone on with; default: a temporary one")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        recipe = replace(RECIPE, init=asked.init, learning_rate=asked.learning_rate, dropout=asked.dropout)
        return _run(asked.folder or Path(temporary), recipe, asked.threads)


def _run(folder: Path, recipe: TrainConfig, threads: int) -> int:
    store = prepared_plates(folder, PLATES, PreprocessConfig(shorter_side=SIDE), threads)
    began = time.perf_counter(), time.process_time()
    out = folder / f"vgg16-{recipe.init}-{recipe.learning_rate:g}-{recipe.dropout:g}"
    run = train(store, recipe, out, threads=threads, reporter=Lines())
    metrics = evaluate_run(run).metrics
    spent = [now - then for now, then in zip((time.perf_counter(), time.process_time()), began, strict=True)]
    area, lead = metrics["test"]["well"]["roc_auc_macro"], metrics["log_loss"]["lead"]
    print(f"{spent[0]:.0f} s, {spent[1]:.0f} s of processors' time")
    print(f"macro ROC AUC of test wells {_spell(area)}; the prior alone 0.5")
    print(f"log loss below that of the prior alone by {_spell(lead)} nats")
    print(next(verdict["text"] for verdict in metrics["verdicts"] if verdict["name"] == "dead_relus"))
    return int(not (area["low"] > 0.5 and lead["low"] > 0))


def _spell(entry: dict[str, Any]) -> str:
    return f"{entry['value']:.3f} ({entry['low']:.3f} to {entry['high']:.3f})"


if __name__ == "__main__":
    sys.exit(main())
