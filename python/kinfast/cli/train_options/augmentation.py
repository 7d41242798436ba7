"""What becomes of crops while training."""

from typing import Annotated

from kinfast.cli.train_options.panels import AUGMENTATION, option

Augment = Annotated[bool, option("--augment/--no-augment", panel=AUGMENTATION, text="Anything beyond random crops.")]
Flip = Annotated[bool, option("--flip/--no-flip", panel=AUGMENTATION, text="Mirror.")]
QuarterTurns = Annotated[
    bool, option("--quarter-turns/--no-quarter-turns", panel=AUGMENTATION, text="Turn by 90 degrees.")
]
RotationDegrees = Annotated[float, option("--rotation", panel=AUGMENTATION, text="Free rotation, degrees either way.")]
ShearDegrees = Annotated[float, option("--shear", panel=AUGMENTATION, text="Degrees either way.")]
Scale = Annotated[
    tuple[float, float],
    option("--scale", panel=AUGMENTATION, text="Random resized crop: sides, times the input's."),
]
Aspect = Annotated[
    tuple[float, float], option("--aspect", panel=AUGMENTATION, text="Random resized crop: height over width.")
]
Brightness = Annotated[
    float, option("--brightness", panel=AUGMENTATION, text="Share either way, each channel its own.")
]
Contrast = Annotated[float, option("--contrast", panel=AUGMENTATION, text="Share either way, each channel its own.")]
Mixup = Annotated[
    float, option("--mixup", panel=AUGMENTATION, text="Blend sites, and their labels: Beta(a, a), such as 0.2.")
]
Cutmix = Annotated[
    float, option("--cutmix", panel=AUGMENTATION, text="Boxes of other sites, and their labels, such as 1.")
]
Noise = Annotated[float, option("--noise", panel=AUGMENTATION, text="Standard deviation, of 0 to 1.")]
