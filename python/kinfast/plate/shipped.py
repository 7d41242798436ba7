"""Where the tables and specs stand that kinfast ships; apart, so that who needs one path alone loads no validator."""

from pathlib import Path

from kinfast.errors import SpecError


def shipped_folder() -> Path:
    """Give the folder of shipped specs: inside an installed package, else beside it in a checkout.

    Raises:
        SpecError: the installation lacks it.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "data_specs", package.parents[1] / "data_specs"):
        if (folder / "conventions").is_dir():
            return folder
    raise SpecError(f"data_specs is missing beside {package}: install kinfast again")
