"""Keras' words for augmentation, so that the thesis' settings can be said as they stand there (K-17)."""

from kinfast.data.augment import AugmentationSpec
from kinfast.errors import UsageError


def keras_augmentation(
    *,
    rotation_range: float = 0.0,
    zoom_range: float | tuple[float, float] = 0.0,
    shear_range: float = 0.0,
    brightness_range: tuple[float, float] | None = None,
    horizontal_flip: bool = False,
    vertical_flip: bool = False,
) -> AugmentationSpec:
    """Translate Keras' ImageDataGenerator arguments (K-17), as the thesis used them.

    Either flip becomes both: a well has no up or down. As there, a batch is replaced by its augmented self.

    Raises:
        UsageError: a range makes no sense, or brightness is not given evenly around 1.
    """
    low, high = zoom_range if isinstance(zoom_range, tuple) else (1 - zoom_range, 1 + zoom_range)
    dark, light = brightness_range or (1.0, 1.0)
    if abs((light - 1) - (1 - dark)) > 1e-9:
        raise UsageError(f"brightness_range ({dark}, {light}) is not even around 1: wanted such as (0.8, 1.2)")
    return AugmentationSpec(
        flip=horizontal_flip or vertical_flip,
        quarter_turns=False,
        rotation_degrees=rotation_range,
        shear_degrees=shear_range,
        scale=(low, high),
        brightness=light - 1,
        contrast=0.0,
    )
