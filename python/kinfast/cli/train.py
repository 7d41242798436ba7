"""`kinfast train`: from a prepared store to a trained, evaluated run."""

from pathlib import Path
from typing import Annotated

import typer

from kinfast import config as defaults
from kinfast import launch
from kinfast.cli.options import Debug, Quiet, Threads, let_waiting_threads_sleep, usable_threads
from kinfast.cli.train_options import augmentation, data, machine, model, training
from kinfast.cli.train_request import as_begun, asked_device, begin_or_resume, said_how_to_go_on

EPILOG = """
[bold]Examples[/bold]

  kinfast train prepared --backbone vgg16 --amp

  kinfast train prepared --weights none --task role --split-by well --folds 5

  kinfast train prepared --composites MiCoPh,MiSyHo --head thesis --optimizer sgd --learning-rate 1e-4

  kinfast train prepared --label Metadata_Role --classes negcon,poscon --input-size 128 --folds 4

  kinfast train prepared --task targets --min-compounds 3 --split-by compound

  kinfast train prepared --task target-profile --selectivity davis_2011_kd.csv --selectivity-kind kd

  kinfast train prepared --policy few_cells=exclude --policy debris=keep

  kinfast train prepared --drop-inactive prepared-activity/activity.csv

  kinfast train prepared --split-by compound --folds 5 --repeats 3 --parallel-folds 2

  kinfast train prepared_a prepared_b

  kinfast train prepared_a --test-on prepared_b

  kinfast train prepared --optimizer adam --switch-to sgd --switch-epoch 10 --switch-lr 1e-2

  kinfast train prepared --backbone vgg16_bn --weights none --batch-size auto --precision bf16

  kinfast train prepared --freeze-epochs 3 --layer-decay 0.8 --ema 0.999 --mixup 0.2 --balanced-sampling

  torchrun --nproc-per-node 4 -m kinfast train prepared --batch-size 256

  kinfast train --resume runs/2026-11-23-vgg16-1
"""
BASE = defaults.TrainConfig()


def command(
    context: typer.Context,
    prepared: Annotated[
        list[Path] | None,
        typer.Argument(
            help="The store that preprocess made, or several to train on together.", show_default="prepared"
        ),
    ] = None,
    backbone: model.Backbone = BASE.backbone,
    weights: model.Weights = BASE.weights,
    init: model.Init = BASE.init,
    composites: model.Composites = None,
    head: model.Head = BASE.head,
    dropout: model.Dropout = BASE.dropout,
    task: data.Task = None,
    selectivity: data.Selectivity = None,
    selectivity_kind: data.SelectivityKind = BASE.selectivity_kind,
    min_compounds: data.MinCompounds = BASE.min_compounds,
    label: data.Label = None,
    classes: data.Classes = None,
    drop_inactive: data.DropInactive = None,
    policy: data.Policy = None,
    plates: data.Plates = None,
    split_by: data.SplitBy = None,
    folds: data.Folds = None,
    repeats: data.Repeats = BASE.repeats,
    parallel_folds: machine.ParallelFolds = 1,
    test_on: data.TestOn = None,
    validation_fraction: data.ValidationFraction = BASE.validation_fraction,
    test_fraction: data.TestFraction = BASE.test_fraction,
    allow_leak: data.AllowLeak = False,
    optimizer: training.Optimizer = BASE.optimizer,
    learning_rate: training.LearningRate = None,
    momentum: training.Momentum = None,
    weight_decay: training.WeightDecay = None,
    optimizer_parameters: training.OptimizerParameters = None,
    switch_to: training.SwitchTo = None,
    switch_epoch: training.SwitchEpoch = None,
    switch_learning_rate: training.SwitchLearningRate = None,
    clip_norm: training.ClipNorm = BASE.clip_norm,
    freeze_epochs: training.FreezeEpochs = BASE.freeze_epochs,
    layer_decay: training.LayerDecay = BASE.layer_decay,
    accumulate: training.Accumulate = BASE.accumulate,
    ema: training.Ema = BASE.ema,
    checkpoint_activations: machine.CheckpointActivations = BASE.checkpoint_activations,
    schedule: training.Schedule = BASE.schedule,
    warmup_epochs: training.WarmupEpochs = BASE.warmup_epochs,
    epochs: training.Epochs = BASE.epochs,
    steps_per_epoch: training.StepsPerEpoch = None,
    batch_size: training.BatchSize = BASE.batch_size,
    patience: training.Patience = BASE.patience,
    label_smoothing: training.LabelSmoothing = BASE.label_smoothing,
    class_weights: training.ClassWeights = BASE.class_weights,
    balanced_sampling: training.BalancedSampling = BASE.balanced_sampling,
    logit_adjustment: training.LogitAdjustment = BASE.logit_adjustment,
    focal: training.Focal = BASE.focal,
    input_size: training.InputSize = None,
    views: training.Views = None,
    seed: training.Seed = BASE.seed,
    augment: augmentation.Augment = True,
    flip: augmentation.Flip = BASE.flip,
    quarter_turns: augmentation.QuarterTurns = BASE.quarter_turns,
    rotation_degrees: augmentation.RotationDegrees = BASE.rotation_degrees,
    shear_degrees: augmentation.ShearDegrees = BASE.shear_degrees,
    scale: augmentation.Scale = BASE.scale,
    aspect: augmentation.Aspect = BASE.aspect,
    brightness: augmentation.Brightness = BASE.brightness,
    contrast: augmentation.Contrast = BASE.contrast,
    mixup: augmentation.Mixup = BASE.mixup,
    cutmix: augmentation.Cutmix = BASE.cutmix,
    noise: augmentation.Noise = BASE.noise,
    amp: machine.Amp = False,
    precision: machine.Precision = None,
    compile: machine.Compile = BASE.compile,
    loader: machine.Loader = BASE.loader,
    cache: machine.Cache = BASE.cache,
    device: machine.Device = BASE.device,
    checkpoint_minutes: machine.CheckpointMinutes = BASE.checkpoint_minutes,
    deterministic: machine.Deterministic = BASE.deterministic,
    sync_bn: machine.SyncBn = BASE.sync_bn,
    tensorboard: machine.Tensorboard = False,
    trace: machine.Trace = False,
    threads: Threads = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder of the run. Default: runs/<date>-<backbone>-<n>.", show_default=False),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            "--resume", metavar="RUN", help="Go on with this run as it was begun; other options are not read."
        ),
    ] = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Train a model, evaluate it on sites it never saw, and print the run's folder.

    Says first which sites it uses, how they are split and why; early stopping looks at the validation part alone.
    """
    asked = dict(locals())
    let_waiting_threads_sleep()
    from kinfast.cli.evaluate import summary_lines
    from kinfast.cli.progress import make_reporter
    from kinfast.evaluate.run import evaluate_run
    from kinfast.report.run import write_report
    from kinfast.train.folder import RUNS, new_run_path
    from kinfast.train.processes.ranks import joined_ranks
    from kinfast.train.resuming.interruption import terminating_as_interrupted

    asked = as_begun(asked)
    run = asked["resume"] or out or new_run_path(Path(RUNS), backbone)
    with make_reporter(quiet or launch.rank() > 0) as reporter, said_how_to_go_on(lambda: run):
        with joined_ranks(asked_device(asked)) as ranks:
            run = Path(ranks.share(str(run)))
            with terminating_as_interrupted():
                begin_or_resume(asked, run, usable_threads(threads), reporter, ranks)
        if not ranks.first:
            return
        evaluation = evaluate_run(run, reporter=reporter)
        report = write_report(run, reporter=reporter)
    following = f"next: kinfast predict {run} PREPARED, for other plates; kinfast explain {run} PREPARED"
    for line in (*summary_lines(evaluation), f"report: {report}", following, run):
        typer.echo(line)
