"""Which network."""

from typing import Annotated

from kinfast.cli.train_options.panels import MODEL, option

Backbone = Annotated[
    str, option("--backbone", panel=MODEL, text="A torchvision classifier's name, or lenet_alexnet(_bn).")
]
Weights = Annotated[str, option("--weights", panel=MODEL, text="imagenet, none, or a .safetensors or state_dict file.")]
Init = Annotated[
    str,
    option("--init", panel=MODEL, text="Without pretrained weights: torchvision, keras, steady, or auto."),
]
Composites = Annotated[
    str | None,
    option(
        "--composites",
        panel=MODEL,
        text='Streams: MiCoPh,SyHoPh or "DNA+RNA+ER,AGP+Mito+DNA". Default: the spec\'s.',
    ),
]
Head = Annotated[
    str, option("--head", panel=MODEL, text="modern (softmax) or thesis (two hidden layers, a sigmoid a class).")
]
Dropout = Annotated[float, option("--dropout", panel=MODEL, text="Of the joined features.")]
