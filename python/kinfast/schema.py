"""Column names of the tables on disk, each written once. The words are LoadData's and pycytominer's."""

PLATE = "Metadata_Plate"
WELL = "Metadata_Well"
SITE = "Metadata_Site"
TIMEPOINT = "Metadata_Timepoint"
KEY = [PLATE, WELL, SITE, TIMEPOINT]
"""The columns that tell one site from another, in sorting order."""

STORE = "Metadata_Store"
"""Of several stores that were put together: which one."""
COMPOUND = "Metadata_Compound"
TARGET = "Metadata_Target"
ROLE = "Metadata_Role"
DOSE_UM = "Metadata_Dose_um"
PIXEL_UM = "Metadata_Pixel_um"
BATCH = "Metadata_Batch"
"""Plates that were stained and imaged together, where a table says so."""
LABELS = [COMPOUND, TARGET, ROLE, DOSE_UM]

ROLE_TREATMENT = "trt"
ROLE_NEGATIVE = "negcon"
ROLE_POSITIVE = "poscon"
ROLES = (ROLE_TREATMENT, ROLE_NEGATIVE, ROLE_POSITIVE)

FLAGS = [
    "Flag_blank",
    "Flag_dark",
    "Flag_empty",
    "Flag_few_cells",
    "Flag_saturated",
    "Flag_blurred",
    "Flag_debris",
    "Flag_duplicate",
    "Flag_bit_depth",
    "Flag_channel_swap",
]
FLAG_ANY = "Flag_any"
FLAG_REASON = "Quality_reason"
ILLUMINATION_GROUP = "Quality_illumination_group"
"""Only where fields are by row or batch."""
DEFAULT_POLICIES = dict.fromkeys(FLAGS, "exclude") | {
    "Flag_few_cells": "only-report",
    "Flag_channel_swap": "only-report",
}
"""What training does with a flagged site: few cells are kept, since toxicity is biology; and so are channels that look
exchanged, since a strong phenotype moves what tells them apart. Both are counted in words before training."""
EXCLUDED_FLAGS = [flag for flag in FLAGS if DEFAULT_POLICIES[flag] == "exclude"]
"""Flags that keep a site out of training by default."""
FLAG_EXCLUDED = "Flag_excluded"
"""True where a person's own --exclude list names the site; always there."""

IMAGE_FILE = "image_file"
IMAGE_INDEX = "image_index"

QUARANTINE = ["path", "plate", "well", "site", "timepoint", "channel", "reason"]
IGNORED = ["path", "reason"]
LABELS_CSV = ["index", "plate", "well", "site", "role", "compound", "target", "concentration_um"]

FOLD = "fold"
PART = "part"
TRUTH = "truth"
PART_TRAIN = "train"
PART_VALIDATION = "validation"
PART_TEST = "test"
PART_UNLABELLED = "unlabelled"
PARTS = (PART_TRAIN, PART_VALIDATION, PART_TEST, PART_UNLABELLED)


def file_name(channel: str) -> str:
    """Name the column that holds a channel's file name."""
    return f"FileName_{channel}"


def path_name(channel: str) -> str:
    """Name the column that holds a channel's folder, relative to the plates' root."""
    return f"PathName_{channel}"


def quality(measure: str, channel: str = "") -> str:
    """Name a quality column, of one channel or of the whole site."""
    return f"Quality_{measure}_{channel}" if channel else f"Quality_{measure}"


def judged(flag: str, what: str) -> str:
    """Name the column that holds what a flag compares: `measure` or `threshold`."""
    return f"Quality_{flag.removeprefix('Flag_')}_{what}"


def is_measure(column: str) -> bool:
    """Tell whether a column is a measure of the image, not what a flag made of it."""
    return column.startswith("Quality_") and not column.endswith(("_measure", "_threshold", "_reason"))


def truth(class_name: str) -> str:
    """Name the column of what is known of one label, where a site has several: 0 to 1, empty where it is not known."""
    return f"truth_{class_name}"


def logit(class_name: str) -> str:
    """Name the column of a class's logit; the class's name stands verbatim."""
    return f"logit_{class_name}"


def probability(class_name: str) -> str:
    """Name the column of a class's probability; the class's name stands verbatim."""
    return f"probability_{class_name}"


def p_value(class_name: str) -> str:
    """Name the column of a class's conformal p-value; the class's name stands verbatim."""
    return f"p_value_{class_name}"


SET_90 = "set_90"
"""The classes that cannot be excluded at 90 %, as one CSV row; empty where none is left."""
SURE_90 = "sure_90"
"""Of several labels a site: those whose absence can be excluded at 90 %, as one CSV row."""
OUT_OF_DISTRIBUTION = "out_of_distribution"
