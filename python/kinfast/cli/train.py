"""`kinfast train`: from a prepared store to a trained, evaluated run."""

from pathlib import Path
from typing import Annotated, Any

import typer

from kinfast import config as defaults
from kinfast import launch
from kinfast.cli.options import Debug, Quiet, Threads, let_waiting_threads_sleep, usable_threads
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
MODEL, DATA, TRAINING, AUGMENTATION, MACHINE = "Model", "What is learned", "Training", "Augmentation", "Machine"


def _option(*names: str, panel: str, text: str, **more: Any) -> Any:
    return typer.Option(*names, help=text, rich_help_panel=panel, show_default=more.pop("show_default", True), **more)


def _read_batch_size(word: str | int) -> int:
    """Read a number of sites, or auto."""
    if word == "auto":
        return defaults.AUTO_BATCH
    if not str(word).isdecimal() or int(word) < 1:
        raise typer.BadParameter(f"{word!r}: wanted a number of sites, or auto")
    return int(word)


def command(
    context: typer.Context,
    prepared: Annotated[
        list[Path] | None,
        typer.Argument(
            help="The store that preprocess made, or several to train on together.", show_default="prepared"
        ),
    ] = None,
    backbone: Annotated[
        str, _option("--backbone", panel=MODEL, text="A torchvision classifier's name, or lenet_alexnet(_bn).")
    ] = BASE.backbone,
    weights: Annotated[
        str, _option("--weights", panel=MODEL, text="imagenet, none, or a .safetensors or state_dict file.")
    ] = BASE.weights,
    init: Annotated[
        str,
        _option("--init", panel=MODEL, text="Without pretrained weights: torchvision, keras, steady, or auto."),
    ] = BASE.init,
    composites: Annotated[
        str | None,
        _option(
            "--composites",
            panel=MODEL,
            text='Streams: MiCoPh,SyHoPh or "DNA+RNA+ER,AGP+Mito+DNA". Default: the spec\'s.',
        ),
    ] = None,
    head: Annotated[
        str, _option("--head", panel=MODEL, text="modern (softmax) or thesis (two hidden layers, a sigmoid a class).")
    ] = BASE.head,
    dropout: Annotated[float, _option("--dropout", panel=MODEL, text="Of the joined features.")] = BASE.dropout,
    task: Annotated[
        str | None,
        _option(
            "--task",
            panel=DATA,
            text="role, compound, target, target-group, targets (several labels) or target-profile (with "
            "--selectivity). Default: target where known, else role.",
        ),
    ] = None,
    selectivity: Annotated[
        Path | None,
        _option("--selectivity", panel=DATA, text="Table: rows compounds, columns kinases.", show_default=False),
    ] = None,
    selectivity_kind: Annotated[
        str, _option("--selectivity-kind", panel=DATA, text="inhibition or remaining (percent), kd (nM), or auto.")
    ] = BASE.selectivity_kind,
    min_compounds: Annotated[
        int, _option("--min-compounds", panel=DATA, min=0, text="Classes of fewer compounds are left out, and named.")
    ] = BASE.min_compounds,
    label: Annotated[
        str | None, _option("--label", panel=DATA, text="Any column of sites.parquet, in the place of a task.")
    ] = None,
    classes: Annotated[
        str | None,
        _option("--classes", panel=DATA, text="The label's values that count, as one CSV row. Default: all."),
    ] = None,
    drop_inactive: Annotated[
        Path | None,
        _option("--drop-inactive", panel=DATA, text="activity.csv: inactive compounds are not trained on."),
    ] = None,
    policy: Annotated[
        list[str] | None,
        _option(
            "--policy",
            panel=DATA,
            metavar="FLAG=WHAT",
            text="Flagged sites: exclude, keep or only-report; repeatable. few_cells=exclude, debris=keep.",
            show_default=False,
        ),
    ] = None,
    plates: Annotated[
        str | None,
        _option("--plates", panel=DATA, text="Only these, as one CSV row; `first` is the first.", show_default=False),
    ] = None,
    split_by: Annotated[
        str | None,
        _option(
            "--split-by",
            panel=DATA,
            text="image, well, plate, compound or compound-plate. Default: compound if possible, else well.",
        ),
    ] = None,
    folds: Annotated[
        int | None,
        _option("--folds", panel=DATA, min=2, text="Cross-validation. Default: one split.", show_default=False),
    ] = None,
    repeats: Annotated[
        int, _option("--repeats", panel=DATA, min=1, text="Deal the folds out anew so many times.")
    ] = BASE.repeats,
    parallel_folds: Annotated[
        int, _option("--parallel-folds", panel=MACHINE, min=1, text="Folds trained at once, in processes.")
    ] = 1,
    test_on: Annotated[
        Path | None,
        _option(
            "--test-on", panel=DATA, metavar="PREPARED", text="Test on all of this second store.", show_default=False
        ),
    ] = None,
    validation_fraction: Annotated[
        float, _option("--validation-fraction", panel=DATA, text="Of what is not test.")
    ] = BASE.validation_fraction,
    test_fraction: Annotated[float, _option("--test-fraction", panel=DATA, text="Without folds.")] = BASE.test_fraction,
    allow_leak: Annotated[
        bool, _option("--allow-leak", panel=DATA, text="Train though train and test share wells (a split by image).")
    ] = False,
    optimizer: Annotated[
        str, _option("--optimizer", panel=TRAINING, text="adam, adamw, nadam, rmsprop or sgd.")
    ] = BASE.optimizer,
    learning_rate: Annotated[
        float | None,
        _option(
            "--learning-rate", "--lr", panel=TRAINING, text="Default: the optimiser's; a tenth for pretrained weights."
        ),
    ] = None,
    momentum: Annotated[
        float | None, _option("--momentum", panel=TRAINING, text="Of sgd (0.9) and rmsprop (0).", show_default=False)
    ] = None,
    weight_decay: Annotated[
        float | None, _option("--weight-decay", panel=TRAINING, text="0; adamw: 0.01.", show_default=False)
    ] = None,
    optimizer_parameters: Annotated[
        list[str] | None,
        _option(
            "--optimizer-parameter",
            panel=TRAINING,
            metavar="NAME=VALUE",
            text="Any of the optimizer's, by torch's names; repeatable. eps=1e-7, betas=0.9/0.999.",
            show_default=False,
        ),
    ] = None,
    switch_to: Annotated[
        str | None,
        _option("--switch-to", panel=TRAINING, text="Another optimizer for the later epochs.", show_default=False),
    ] = None,
    switch_epoch: Annotated[
        int | None,
        _option("--switch-epoch", panel=TRAINING, text="Epochs that the first one trains.", show_default=False),
    ] = None,
    switch_learning_rate: Annotated[
        float | None,
        _option("--switch-lr", panel=TRAINING, text="Of the second one. Default: its own.", show_default=False),
    ] = None,
    clip_norm: Annotated[
        float, _option("--clip-norm", panel=TRAINING, text="Largest norm of a gradient; 0: any.")
    ] = BASE.clip_norm,
    freeze_epochs: Annotated[
        int,
        _option("--freeze-epochs", panel=TRAINING, min=0, text="Epochs in which the head alone learns, at first."),
    ] = BASE.freeze_epochs,
    layer_decay: Annotated[
        float, _option("--layer-decay", panel=TRAINING, text="Rate of a block over that of the next: 0.8; 1: alike.")
    ] = BASE.layer_decay,
    accumulate: Annotated[
        int,
        _option("--accumulate", panel=TRAINING, min=1, text="Pieces of a minibatch, one in memory at a time."),
    ] = BASE.accumulate,
    ema: Annotated[
        float,
        _option("--ema", panel=TRAINING, text="Decay of an average of the weights, which is kept: 0.999; 0: none."),
    ] = BASE.ema,
    checkpoint_activations: Annotated[
        bool,
        _option("--checkpoint-activations", panel=MACHINE, text="Compute activations twice: less memory, slower."),
    ] = BASE.checkpoint_activations,
    schedule: Annotated[str, _option("--schedule", panel=TRAINING, text="cosine or constant.")] = BASE.schedule,
    warmup_epochs: Annotated[
        float, _option("--warmup-epochs", panel=TRAINING, text="The rate rises over these.")
    ] = BASE.warmup_epochs,
    epochs: Annotated[int, _option("--epochs", panel=TRAINING, text="At most.")] = BASE.epochs,
    steps_per_epoch: Annotated[
        int | None,
        _option("--steps-per-epoch", panel=TRAINING, text="Default: each site once; of few sites, several crops."),
    ] = None,
    batch_size: Annotated[
        int,
        _option(
            "--batch-size",
            panel=TRAINING,
            parser=_read_batch_size,
            metavar="N|auto",
            text="Sites of a minibatch; auto: as many as fit.",
        ),
    ] = BASE.batch_size,
    patience: Annotated[
        int, _option("--patience", panel=TRAINING, text="Epochs without a better validation loss; 0: endless.")
    ] = BASE.patience,
    label_smoothing: Annotated[
        float, _option("--label-smoothing", panel=TRAINING, text="Share of a target spread over all classes.")
    ] = BASE.label_smoothing,
    class_weights: Annotated[
        bool | None,
        _option(
            "--class-weights/--no-class-weights",
            panel=TRAINING,
            text="Weigh rare classes up. Default: unless one of the next two does.",
            show_default=False,
        ),
    ] = BASE.class_weights,
    balanced_sampling: Annotated[
        bool, _option("--balanced-sampling", panel=TRAINING, text="As many sites of each class in an epoch.")
    ] = BASE.balanced_sampling,
    logit_adjustment: Annotated[
        float,
        _option("--logit-adjustment", panel=TRAINING, text="Classes' log frequencies in the loss, times this: 1."),
    ] = BASE.logit_adjustment,
    focal: Annotated[
        float, _option("--focal", panel=TRAINING, text="Power of the focal loss, such as 2; 0: none.")
    ] = BASE.focal,
    input_size: Annotated[
        int | None,
        _option(
            "--input-size", panel=TRAINING, text="Pixels of a crop. Default: 224, or the store's shorter side if less."
        ),
    ] = None,
    views: Annotated[
        int | None,
        _option(
            "--views", panel=TRAINING, text="Crops averaged outside training. Default: to cover a site, 9 at most."
        ),
    ] = None,
    seed: Annotated[int, _option("--seed", panel=TRAINING, text="Of everything that is drawn.")] = BASE.seed,
    augment: Annotated[
        bool, _option("--augment/--no-augment", panel=AUGMENTATION, text="Anything beyond random crops.")
    ] = True,
    flip: Annotated[bool, _option("--flip/--no-flip", panel=AUGMENTATION, text="Mirror.")] = BASE.flip,
    quarter_turns: Annotated[
        bool, _option("--quarter-turns/--no-quarter-turns", panel=AUGMENTATION, text="Turn by 90 degrees.")
    ] = BASE.quarter_turns,
    rotation_degrees: Annotated[
        float, _option("--rotation", panel=AUGMENTATION, text="Free rotation, degrees either way.")
    ] = BASE.rotation_degrees,
    shear_degrees: Annotated[
        float, _option("--shear", panel=AUGMENTATION, text="Degrees either way.")
    ] = BASE.shear_degrees,
    scale: Annotated[
        tuple[float, float],
        _option("--scale", panel=AUGMENTATION, text="Random resized crop: sides, times the input's."),
    ] = BASE.scale,
    aspect: Annotated[
        tuple[float, float], _option("--aspect", panel=AUGMENTATION, text="Random resized crop: height over width.")
    ] = BASE.aspect,
    brightness: Annotated[
        float, _option("--brightness", panel=AUGMENTATION, text="Share either way, each channel its own.")
    ] = BASE.brightness,
    contrast: Annotated[
        float, _option("--contrast", panel=AUGMENTATION, text="Share either way, each channel its own.")
    ] = BASE.contrast,
    mixup: Annotated[
        float, _option("--mixup", panel=AUGMENTATION, text="Blend sites, and their labels: Beta(a, a), such as 0.2.")
    ] = BASE.mixup,
    cutmix: Annotated[
        float, _option("--cutmix", panel=AUGMENTATION, text="Boxes of other sites, and their labels, such as 1.")
    ] = BASE.cutmix,
    noise: Annotated[float, _option("--noise", panel=AUGMENTATION, text="Standard deviation, of 0 to 1.")] = BASE.noise,
    amp: Annotated[bool, _option("--amp", panel=MACHINE, text="Mixed precision: bfloat16, else float16.")] = False,
    precision: Annotated[
        str | None,
        _option("--precision", panel=MACHINE, text="fp32, bf16 or fp16, in the place of --amp.", show_default=False),
    ] = None,
    compile: Annotated[
        str, _option("--compile", panel=MACHINE, text="none, kernels (torch.compile) or graphs (CUDA graphs too).")
    ] = BASE.compile,
    loader: Annotated[str, _option("--loader", panel=MACHINE, text="auto, dali or torch.")] = BASE.loader,
    cache: Annotated[
        str,
        _option(
            "--cache",
            panel=MACHINE,
            text="Images in the memory of the gpu or the host, none: read from disk; auto: where they fit.",
        ),
    ] = BASE.cache,
    device: Annotated[str, _option("--device", panel=MACHINE, text="auto, cpu, cuda, cuda:1 or mps.")] = BASE.device,
    checkpoint_minutes: Annotated[
        float, _option("--checkpoint-minutes", panel=MACHINE, text="From one checkpoint within an epoch to the next.")
    ] = BASE.checkpoint_minutes,
    deterministic: Annotated[
        bool, _option("--deterministic", panel=MACHINE, text="The same bits each time, on a GPU too; slower there.")
    ] = BASE.deterministic,
    sync_bn: Annotated[
        bool, _option("--sync-bn", panel=MACHINE, text="With torchrun: batch normalisation over all processes' sites.")
    ] = BASE.sync_bn,
    tensorboard: Annotated[
        bool, _option("--tensorboard", panel=MACHINE, text="The history as event files too, in <RUN>/tensorboard.")
    ] = False,
    trace: Annotated[
        bool,
        _option("--profile", "--trace", panel=MACHINE, text="Trace some steps, and say in words what bounds them."),
    ] = False,
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
        write_report(run, reporter=reporter)
    for line in (*summary_lines(evaluation), run):
        typer.echo(line)
