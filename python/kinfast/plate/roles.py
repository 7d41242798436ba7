"""What a well is for: treatment, negative or positive control, from the many words for it."""

from collections.abc import Sequence

from kinfast.schema import ROLE_NEGATIVE, ROLE_POSITIVE, ROLE_TREATMENT

VEHICLE = "DMSO"
VEHICLE_WORDS = {
    "dmso",
    "dimethylsulfoxide",
    "dimethylsulphoxide",
    "vehicle",
    "solvent",
    "solventcontrol",
    "dmsocontrol",
}
UNTREATED_WORDS = {"untreated", "mock", "media", "medium", "nocompound", "nodrug"}
_TREATMENT = {"trt", "treatment", "treated", "compound", "sample", "test", "drug", "experimental", "dose"}
_NEGATIVE = {"negcon", "neg", "negative", "negativecontrol", "negcontrol", "neutral", "low", "lowcontrol"}
_POSITIVE = {"poscon", "pos", "positive", "positivecontrol", "poscontrol", "high", "highcontrol"}
_CONTROL = {"control", "ctrl", "ctl", "controls"}
CONTROL = "control"


def _plain(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalnum())


def is_vehicle(compound: str | None) -> bool:
    """Tell whether a compound is the vehicle, or nothing at all, by its name."""
    return compound is not None and _plain(compound) in VEHICLE_WORDS | UNTREATED_WORDS


def read_role(cell: str, signed: bool) -> str | None:
    """Read one cell of a role column.

    Args:
        cell: such as trt, negcon, poscon_diverse, compound, control, -1.
        signed: True where the column marks controls by -1 and 1 (SBS_Controls).

    Returns:
        A role of `schema.ROLES`, or "control" where the kind is not said, or None where it is no role.
    """
    if signed:
        return {-1.0: ROLE_NEGATIVE, 0.0: ROLE_TREATMENT, 1.0: ROLE_POSITIVE}.get(_number(cell))
    plain = _plain(cell)
    if plain in _TREATMENT:
        return ROLE_TREATMENT
    if plain in _NEGATIVE or plain in VEHICLE_WORDS | UNTREATED_WORDS or plain.startswith("negcon"):
        return ROLE_NEGATIVE
    if plain in _POSITIVE or plain.startswith("poscon"):
        return ROLE_POSITIVE
    return CONTROL if plain in _CONTROL else None


def is_signed(cells: Sequence[str]) -> bool:
    """Tell whether a column marks controls by -1 and 1 and the rest by 0."""
    return bool(cells) and {_number(cell) for cell in cells} <= {-1.0, 0.0, 1.0}


def settle_role(said: Sequence[str | None], compound: str | None) -> str | None:
    """Choose a well's role from what its role columns say and from its compound.

    A column that names the kind of control goes before one that says `control`; a control whose kind nobody names is
    negative when its compound is the vehicle or none, else positive.
    """
    kinds = [role for role in said if role in (ROLE_NEGATIVE, ROLE_POSITIVE)]
    if kinds:
        return kinds[0]
    if CONTROL in said:
        return ROLE_NEGATIVE if compound is None or is_vehicle(compound) else ROLE_POSITIVE
    if compound is not None and is_vehicle(compound):
        return ROLE_NEGATIVE
    if ROLE_TREATMENT in said:
        return ROLE_TREATMENT
    return ROLE_TREATMENT if compound is not None else None


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")
