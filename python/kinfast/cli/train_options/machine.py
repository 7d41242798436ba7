"""What the machine does: precision, loaders, memory, checkpoints, traces."""

from typing import Annotated

from kinfast.cli.train_options.panels import MACHINE, option

ParallelFolds = Annotated[
    int, option("--parallel-folds", panel=MACHINE, min=1, text="Folds trained at once, in processes.")
]
CheckpointActivations = Annotated[
    bool,
    option("--checkpoint-activations", panel=MACHINE, text="Compute activations twice: less memory, slower."),
]
Amp = Annotated[bool, option("--amp", panel=MACHINE, text="Mixed precision: bfloat16, else float16.")]
Precision = Annotated[
    str | None,
    option("--precision", panel=MACHINE, text="fp32, bf16 or fp16, in the place of --amp.", show_default=False),
]
Compile = Annotated[
    str, option("--compile", panel=MACHINE, text="none, kernels (torch.compile) or graphs (CUDA graphs too).")
]
Loader = Annotated[str, option("--loader", panel=MACHINE, text="auto, dali or torch.")]
Cache = Annotated[
    str,
    option(
        "--cache",
        panel=MACHINE,
        text="Images in the memory of the gpu or the host, none: read from disk; auto: where they fit.",
    ),
]
Device = Annotated[str, option("--device", panel=MACHINE, text="auto, cpu, cuda, cuda:1 or mps.")]
CheckpointMinutes = Annotated[
    float, option("--checkpoint-minutes", panel=MACHINE, text="From one checkpoint within an epoch to the next.")
]
Deterministic = Annotated[
    bool, option("--deterministic", panel=MACHINE, text="The same bits each time, on a GPU too; slower there.")
]
SyncBn = Annotated[
    bool, option("--sync-bn", panel=MACHINE, text="With torchrun: batch normalisation over all processes' sites.")
]
Tensorboard = Annotated[
    bool, option("--tensorboard", panel=MACHINE, text="The history as event files too, in <RUN>/tensorboard.")
]
Trace = Annotated[
    bool,
    option("--profile", "--trace", panel=MACHINE, text="Trace some steps, and say in words what bounds them."),
]
