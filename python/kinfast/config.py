"""Every default, once, with its unit and where it comes from. Rooms below the command line take plain values."""

from dataclasses import dataclass

STORE_FORMAT_VERSION = 1
SEED = 0

# ---- preprocess ------------------------------------------------------------------------------------

SHORTER_SIDE = 256
"""Pixels of the store's shorter side: room for 224-pixel crops. Source: design.md section 4."""
FIELD_SAMPLE_SITES = 384
"""Sites of each plate x channel that pass one decodes to fit field and window: all of a small plate."""
WINDOW_PERCENTILES = (0.1, 99.9)
"""Percentiles of the corrected intensities that become 0 and 255."""


@dataclass(frozen=True, slots=True)
class PreprocessConfig:
    """What decides the bytes of a prepared store. Everything here is hashed; the number of threads is not."""

    shorter_side: int = SHORTER_SIDE
    illumination: str = "mean"
    plane: str = "max"
    sample_sites: int = FIELD_SAMPLE_SITES
    window_percentiles: tuple[float, float] = WINDOW_PERCENTILES
    seed: int = SEED


# ---- training --------------------------------------------------------------------------------------

DEFAULT_LEARNING_RATES = {"adam": 1e-3, "adamw": 1e-3, "nadam": 2e-3, "rmsprop": 1e-3, "sgd": 1e-2}
"""Source: torch.optim's and Keras' own defaults, stated in full so that a recipe does not depend on either."""
INPUT_SIZE = 224
"""Pixels; the side of VGG16's, ResNet50's and MobileNetV2's ImageNet input."""
BATCH_SIZE = 32
"""Source: the thesis, 3.8."""
DROPOUT = 0.5
"""Source: the thesis, 3.7 names 0.5; 5.4 suggests 0.1."""
MAX_VIEWS = 9

# ---- evaluation ------------------------------------------------------------------------------------

BOOTSTRAP_DRAWS = 1000
INTERVAL = 0.95
