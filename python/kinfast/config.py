"""Every default, once, with its unit and where it comes from. Rooms below the command line take plain values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

STORE_FORMAT_VERSION = 1
SEED = 0

# ---- preprocess ------------------------------------------------------------------------------------

SHORTER_SIDE = 256
"""Pixels of the store's shorter side: room for 224-pixel crops. Source: design.md section 4."""
FIELD_SAMPLE_SITES = 384
"""Sites of each plate x channel that pass one decodes to fit field and window: all of a small plate."""
ILLUMINATION_GROUP = "plate"
"""Which wells share a field; see preprocess/illumination/parts.py. The more images, the more exact it is."""
WINDOW_PERCENTILES = (0.1, 99.9)
"""Percentiles of the corrected intensities that become 0 and 255."""
INTENSITY = "plate"
"""How windows are set; see preprocess/windows.py. A plate of its own needs no other plate to be prepared."""


@dataclass(frozen=True, slots=True)
class PreprocessConfig:
    """What decides the bytes of a prepared store. Everything here is hashed; the number of threads is not."""

    shorter_side: int = SHORTER_SIDE
    illumination: str = "auto"
    illumination_group: str = ILLUMINATION_GROUP
    plane: str = "max"
    sample_sites: int = FIELD_SAMPLE_SITES
    window_percentiles: tuple[float, float] = WINDOW_PERCENTILES
    intensity: str = INTENSITY
    windows: tuple[tuple[str, float, float], ...] = ()
    seed: int = SEED


# ---- training --------------------------------------------------------------------------------------

DEFAULT_LEARNING_RATES = {"adam": 1e-3, "adamw": 1e-3, "nadam": 2e-3, "rmsprop": 1e-3, "sgd": 1e-2}
"""Source: torch.optim's and Keras' own defaults, stated in full so that a recipe does not depend on either."""
INPUT_SIZE = 224
"""Pixels; the side of VGG16's, ResNet50's and MobileNetV2's ImageNet input."""
BATCH_SIZE = 32
"""Source: the thesis, 3.8."""
AUTO_BATCH = 0
"""In the place of a batch size: found; see train/batch_size.py."""
BATCH_GPU_SHARE = 0.9
"""Of a GPU's free memory that a found batch size may take: the rest is for algorithms' workspaces and fragments."""
BATCH_HOST_SHARE = 0.25
"""Of the host's free memory that a found batch size's activations may take; gradients and buffers come beside them."""
BATCH_LEAST_STEPS = 8
"""Steps of an epoch that a found batch size leaves: few large steps learn less than many small ones."""
BATCH_LIMIT = 1024
"""Sites of the largest batch size that is found."""
DROPOUT = 0.5
"""Source: the thesis, 3.7 names 0.5; 5.4 suggests 0.1."""
LABEL_SMOOTHING = 0.1
"""Source: Szegedy et al. 2016, arXiv:1512.00567. Without it a network that separates a few wells perfectly is sure of
everything, and the order of intermediate doses drowns in rounding."""
MAX_VIEWS = 9
CACHE_GPU_SHARE = 0.4
"""Of a GPU's free memory, that the images may take by themselves: the rest is the model's and its minibatches'."""
CACHE_HOST_SHARE = 0.5
"""Of the host's free memory, likewise: the rest is the page cache's and the neighbours'."""

OPTIMIZERS: Mapping[str, Mapping[str, Any]] = {
    "adam": {"betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.0, "amsgrad": False},
    "adamw": {"betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 1e-2, "amsgrad": False},
    "nadam": {"betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.0, "momentum_decay": 4e-3},
    "rmsprop": {"alpha": 0.9, "eps": 1e-7, "momentum": 0.0, "weight_decay": 0.0, "centered": False},
    "sgd": {"momentum": 0.9, "dampening": 0.0, "weight_decay": 0.0, "nesterov": False},
}
"""Everything but the learning rate, by torch.optim's names and defaults, except RMSprop's decay and epsilon (Keras',
as in the thesis: PyTorch's 0.99 averages over ten times as many steps) and SGD's momentum (Keras and PyTorch: 0)."""
GENTLE_RATE_FACTOR = 0.1
"""On the default learning rate, for pretrained weights, which large steps would wipe out, and for networks without any
normalisation (VGG16, LeNet-AlexNet), which they kill. Source: the thesis used 1e-4 with Adam for both (3.8)."""
EPOCHS = 30
WARMUP_EPOCHS = 1.0
CLIP_NORM = 5.0
"""Largest norm of a step's gradient; a step beyond it is shortened."""
PATIENCE = 10
"""Epochs without a better validation loss after which training stops."""
CHECKPOINT_MINUTES = 10.0
"""Minutes of work that a crash may cost; writing a two-stream VGG16 with Adam (2.4 GB) takes seconds."""
UNRIPE_SHARE = 0.25
"""Share of the epochs, the first ones, that are not kept as the best: a small validation part is lucky early on."""
SMALL_SET_STEPS = 100
"""Steps of an epoch up to which each site is drawn as often as it has room for separate crops; see train/plan.py."""
HIDDEN_UNITS = (512, 256)
"""Widths of the thesis head's two hidden layers. The thesis names none."""


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """Everything that decides a training run. None: chosen from the store, and written to config.json as it was chosen.

    Attributes:
        backbone: torchvision's name of a classifier, lenet_alexnet or lenet_alexnet_bn.
        weights: imagenet, none, or a file.
        init: of weights that are not pretrained: auto, torchvision, keras or steady; see models/initialise.py.
        composites: one for each stream; None: the data set's default streams.
        label: a column of the store's table.
        task: role, compound, target, target-group, targets or target-profile, in the place of a label.
        selectivity: file of a selectivity table, of the task target-profile.
        selectivity_kind: inhibition, remaining (both percent), kd (nM), or auto.
        min_compounds: classes with fewer compounds are left out; 0: none.
        classes: the label's values that count.
        drop_inactive: activity.csv, whose inactive compounds are left out of training.
        policy: what to do with flagged sites, as FLAG=exclude, FLAG=keep or FLAG=only-report.
        plates: the only ones to train, validate and test on; `first` is the first by name.
        split_by: image, well, plate, compound or compound-plate.
        folds: of cross-validation; None: one split.
        repeats: how often the folds are dealt out anew.
        test_on: path of a second store, which is tested on and not trained on.
        validation_fraction: of the groups that are not test.
        test_fraction: of the groups, without folds.
        allow_leak: train although train and test share what the split should part.
        optimizer: adam, adamw, nadam, rmsprop or sgd.
        learning_rate: at the schedule's height.
        momentum: of sgd and rmsprop.
        weight_decay: of any optimizer.
        optimizer_parameters: any of its parameters, as NAME=VALUE; pairs with a slash: betas=0.9/0.999.
        switch_to: another optimizer, with parameters of its own defaults, for the epochs after `switch_epoch`.
        switch_epoch: epochs that the first optimizer trains.
        switch_learning_rate: of the second, in the place of `learning_rate`.
        clip_norm: largest norm of the gradient; 0: no clipping.
        accumulate: pieces that a minibatch goes through the model in; its gradient stays the same.
        ema: decay of the average of the weights that is validated, kept and predicted with; 0: none.
        checkpoint_activations: keep few activations in training and compute the others again.
        freeze_epochs: first epochs, in which pretrained backbones stay as they are and the head alone learns.
        layer_decay: factor on the learning rate from each block of a backbone to the one before it; 1: none.
        schedule: cosine (to zero) or constant.
        warmup_epochs: over which the rate rises from zero; may be a fraction.
        epochs: at most.
        steps_per_epoch: minibatches of an epoch.
        batch_size: sites of a minibatch; 0: as many as fit.
        patience: epochs without a better validation loss after which training stops; 0: never.
        head: modern (softmax, cross-entropy) or thesis (a sigmoid a class, binary cross-entropy).
        hidden_units: of the thesis head.
        dropout: share of the joined features that is dropped.
        label_smoothing: share of a target that is spread over all classes; of the modern head alone.
        class_weights: weigh classes by the inverse of their frequency in the train part; None: unless one of the next
            two does it.
        balanced_sampling: an epoch has as many sites of each class.
        logit_adjustment: times the classes' log frequencies, added to the logits of the loss; 0: nothing, 1: usual.
        focal: power of the focal loss; 0: none, 2: usual.
        mixup, cutmix: see data.mixing.MixingSpec.
        amp: compute in bfloat16 or float16 where that is precise enough.
        precision: fp32, bf16 or fp16; None: by `amp`.
        compile: none, kernels or graphs; see train/kernels.py.
        input_size: side of the crops, pixels.
        views: crops of a site that validation, test and prediction average over.
        loader: auto, dali or torch.
        cache: where the images are kept: auto, gpu, host or none.
        device: auto, cpu, cuda, cuda:1, mps.
        checkpoint_minutes: from one checkpoint within an epoch to the next; each epoch ends with one anyway.
        deterministic: only algorithms that give the same bits each time, on a GPU too; slower there.
        sync_bn: batch normalisation over the sites of all processes that train together, not over each one's own.
        seed: of split, weights, order, augmentation and dropout.
        flip, quarter_turns, rotation_degrees, shear_degrees, scale, aspect, brightness, contrast, noise: see
            data.augment.AugmentationSpec.
    """

    backbone: str = "mobilenet_v2"
    weights: str = "imagenet"
    init: str = "auto"
    composites: tuple[str, ...] | None = None
    label: str | None = None
    task: str | None = None
    selectivity: str | None = None
    selectivity_kind: str = "auto"
    min_compounds: int = 0
    classes: tuple[str, ...] | None = None
    drop_inactive: str | None = None
    policy: tuple[str, ...] = ()
    plates: tuple[str, ...] | None = None
    split_by: str | None = None
    folds: int | None = None
    repeats: int = 1
    test_on: str | None = None
    validation_fraction: float = 0.2
    test_fraction: float = 0.2
    allow_leak: bool = False
    optimizer: str = "adam"
    learning_rate: float | None = None
    momentum: float | None = None
    weight_decay: float | None = None
    optimizer_parameters: tuple[str, ...] = ()
    switch_to: str | None = None
    switch_epoch: int | None = None
    switch_learning_rate: float | None = None
    clip_norm: float = CLIP_NORM
    accumulate: int = 1
    ema: float = 0.0
    checkpoint_activations: bool = False
    freeze_epochs: int = 0
    layer_decay: float = 1.0
    schedule: str = "cosine"
    warmup_epochs: float = WARMUP_EPOCHS
    epochs: int = EPOCHS
    steps_per_epoch: int | None = None
    batch_size: int = BATCH_SIZE
    patience: int = PATIENCE
    head: str = "modern"
    hidden_units: tuple[int, int] = HIDDEN_UNITS
    dropout: float = DROPOUT
    label_smoothing: float = LABEL_SMOOTHING
    class_weights: bool | None = None
    balanced_sampling: bool = False
    logit_adjustment: float = 0.0
    focal: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0
    amp: bool = False
    precision: str | None = None
    compile: str = "none"
    input_size: int | None = None
    views: int | None = None
    loader: str = "auto"
    cache: str = "auto"
    device: str = "auto"
    checkpoint_minutes: float = CHECKPOINT_MINUTES
    deterministic: bool = False
    sync_bn: bool = False
    seed: int = SEED
    flip: bool = True
    quarter_turns: bool = True
    rotation_degrees: float = 0.0
    shear_degrees: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)
    aspect: tuple[float, float] = (1.0, 1.0)
    brightness: float = 0.0
    contrast: float = 0.0
    noise: float = 0.0


# ---- evaluation ------------------------------------------------------------------------------------

BOOTSTRAP_DRAWS = 1000
PROFILE_UM = 3.0
"""Concentration, µM, at which a Kd becomes an occupancy, so that half is the usual line between hit and none.
Source: the selectivity score S(3 µM) of Davis et al. 2011, Nature Biotechnology 29:1046."""
INTERVAL = 0.95
CLEARLY_SEPARATES = 0.9
"""Macro ROC area from which a baseline is said to separate the classes already."""
DECISION_THRESHOLD = 0.5
"""Probability from which a class counts as given in the table of sensitivities; `evaluate --threshold`."""
CHOSEN_FPR = 0.05
"""False-positive rate, in the validation part, of the threshold that is chosen there."""
FEWEST_JUDGED = 5
"""Compounds (of controls: wells) in test from which a class's area is judged: of four, one odd compound moves the area
by up to a quarter."""
PARTIAL_DRAWS = 200
"""Draws, at most, for the intervals of single plates and doses: there are many of them."""
BOOSTING_ROWS = 20_000
"""Training rows, at most, that a boosted baseline is fitted on: a seeded sample of a larger set."""

# ---- confidence ------------------------------------------------------------------------------------

CONFORMAL_LEVELS = (0.8, 0.9, 0.95)
SET_LEVEL = 0.9
"""Level of the sets that predict writes: `set_90`."""
FEWEST_CALIBRATION = 10
"""Units of a class that give it a reference of its own; fewer exclude nothing at 90 %. Smaller classes share one."""
ODD_RATE = 0.01
"""Share of ordinary sites that is marked as out of distribution; with fewer than 99 calibration units it is larger."""

# ---- activity --------------------------------------------------------------------------------------

ACTIVITY_PERMUTATIONS = 999
ACTIVITY_FINE_PERMUTATIONS = 9_999
"""For compounds whose first p-value is small: 0.001 is too coarse where hundreds are tested."""
ACTIVITY_FINE_BELOW = 0.01
FALSE_DISCOVERY_RATE = 0.05
"""Share of the compounds called active that may be inactive, by expectation."""
FEWEST_RESIDUALS = 10
"""Degrees of freedom from which the variation between replicates is a metric."""

# ---- report ----------------------------------------------------------------------------------------

EXPLAIN_SITES = 40
"""Held-out sites of a class that are explained: from as many compounds as there are."""
EXPLAIN_SWAPS = 3
"""Donors that a stain is exchanged with, each site: their mean is taken."""
EXPLAIN_STEPS = 16
"""Steps of integrated gradients, by Gauss-Legendre. Source: Sundararajan et al. 2017, arXiv:1703.01365, find 20 to 300
enough; shares of stains need less than maps to the last digit."""
EXPLAIN_MAPS = 6
"""Sites of a class whose maps are computed; the rest are for the exchange of stains alone, which needs no gradient."""
GALLERY_SITES = 2
"""Sites of a class in the page's gallery."""
GALLERY_CLASSES = 12
"""Classes of the gallery, the best recognised first."""
SAME_MAPS = 0.5
"""Rank correlation of maps with those of shuffled weights from which maps are said not to depend on the weights."""

THUMBNAIL_SIDE = 112
"""Pixels of the shorter side of a site's picture that stays with a run."""
THUMBNAIL_SITES = 60
"""Unflagged sites that a run keeps pictures of, over all classes; of more classes the largest have one each."""
THUMBNAIL_EACH = 4
"""Of a class, at most: a row of the page."""
THUMBNAIL_FLAGGED = 16
"""Flagged sites beside them. 76 sites of two streams are about 400 kB."""
THUMBNAIL_FIELDS = 12
"""Plates whose flat-fields are kept as pictures."""
THUMBNAIL_QUALITY = 70
"""Of WebP, 1 to 100."""
