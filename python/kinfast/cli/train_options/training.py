"""How it is trained: optimiser, rates, epochs, losses, crops."""

from typing import Annotated

import typer

from kinfast import config as defaults
from kinfast.cli.train_options.panels import TRAINING, option


def _read_batch_size(word: str | int) -> int:
    """Read a number of sites, or auto."""
    if word == "auto":
        return defaults.AUTO_BATCH
    if not str(word).isdecimal() or int(word) < 1:
        raise typer.BadParameter(f"{word!r}: wanted a number of sites, or auto")
    return int(word)


Optimizer = Annotated[str, option("--optimizer", panel=TRAINING, text="adam, adamw, nadam, rmsprop or sgd.")]
LearningRate = Annotated[
    float | None,
    option("--learning-rate", "--lr", panel=TRAINING, text="Default: the optimiser's; a tenth for pretrained weights."),
]
Momentum = Annotated[
    float | None, option("--momentum", panel=TRAINING, text="Of sgd (0.9) and rmsprop (0).", show_default=False)
]
WeightDecay = Annotated[
    float | None, option("--weight-decay", panel=TRAINING, text="0; adamw: 0.01.", show_default=False)
]
OptimizerParameters = Annotated[
    list[str] | None,
    option(
        "--optimizer-parameter",
        panel=TRAINING,
        metavar="NAME=VALUE",
        text="Any of the optimizer's, by torch's names; repeatable. eps=1e-7, betas=0.9/0.999.",
        show_default=False,
    ),
]
SwitchTo = Annotated[
    str | None,
    option("--switch-to", panel=TRAINING, text="Another optimizer for the later epochs.", show_default=False),
]
SwitchEpoch = Annotated[
    int | None,
    option("--switch-epoch", panel=TRAINING, text="Epochs that the first one trains.", show_default=False),
]
SwitchLearningRate = Annotated[
    float | None,
    option("--switch-lr", panel=TRAINING, text="Of the second one. Default: its own.", show_default=False),
]
ClipNorm = Annotated[float, option("--clip-norm", panel=TRAINING, text="Largest norm of a gradient; 0: any.")]
FreezeEpochs = Annotated[
    int,
    option("--freeze-epochs", panel=TRAINING, min=0, text="Epochs in which the head alone learns, at first."),
]
LayerDecay = Annotated[
    float, option("--layer-decay", panel=TRAINING, text="Rate of a block over that of the next: 0.8; 1: alike.")
]
Accumulate = Annotated[
    int,
    option("--accumulate", panel=TRAINING, min=1, text="Pieces of a minibatch, one in memory at a time."),
]
Ema = Annotated[
    float,
    option("--ema", panel=TRAINING, text="Decay of an average of the weights, which is kept: 0.999; 0: none."),
]
Schedule = Annotated[str, option("--schedule", panel=TRAINING, text="cosine or constant.")]
WarmupEpochs = Annotated[float, option("--warmup-epochs", panel=TRAINING, text="The rate rises over these.")]
Epochs = Annotated[int, option("--epochs", panel=TRAINING, text="At most.")]
StepsPerEpoch = Annotated[
    int | None,
    option("--steps-per-epoch", panel=TRAINING, text="Default: each site once; of few sites, several crops."),
]
BatchSize = Annotated[
    int,
    option(
        "--batch-size",
        panel=TRAINING,
        parser=_read_batch_size,
        metavar="N|auto",
        text="Sites of a minibatch; auto: as many as fit.",
    ),
]
Patience = Annotated[
    int, option("--patience", panel=TRAINING, text="Epochs without a better validation loss; 0: endless.")
]
LabelSmoothing = Annotated[
    float, option("--label-smoothing", panel=TRAINING, text="Share of a target spread over all classes.")
]
ClassWeights = Annotated[
    bool | None,
    option(
        "--class-weights/--no-class-weights",
        panel=TRAINING,
        text="Weigh rare classes up. Default: unless one of the next two does.",
        show_default=False,
    ),
]
BalancedSampling = Annotated[
    bool, option("--balanced-sampling", panel=TRAINING, text="As many sites of each class in an epoch.")
]
LogitAdjustment = Annotated[
    float,
    option("--logit-adjustment", panel=TRAINING, text="Classes' log frequencies in the loss, times this: 1."),
]
Focal = Annotated[float, option("--focal", panel=TRAINING, text="Power of the focal loss, such as 2; 0: none.")]
InputSize = Annotated[
    int | None,
    option("--input-size", panel=TRAINING, text="Pixels of a crop. Default: 224, or the store's shorter side if less."),
]
Views = Annotated[
    int | None,
    option("--views", panel=TRAINING, text="Crops averaged outside training. Default: to cover a site, 9 at most."),
]
Seed = Annotated[int, option("--seed", panel=TRAINING, text="Of everything that is drawn.")]
