"""kinfast: from raw Cell Painting plates to an honestly evaluated model of kinase-inhibitor mechanism."""

from kinfast.io import (
    FormatError,
    IoError,
    LimitsError,
    TiffError,
    UnsupportedError,
    imread,
    imread_many,
    read_info,
)

__version__ = "0.1.0"

__all__ = [
    "FormatError",
    "IoError",
    "LimitsError",
    "TiffError",
    "UnsupportedError",
    "__version__",
    "imread",
    "imread_many",
    "read_info",
]
