"""labels.csv, the thesis' eight columns: written from a table of sites, and read back (K-03)."""

import os
from pathlib import Path

import pandas as pd

from kinfast import schema
from kinfast.errors import InputError, MetadataError
from kinfast.plate.label_columns import text_column
from kinfast.plate.roles import CONTROL, read_role, settle_role
from kinfast.plate.table_columns import parse_dose
from kinfast.plate.tables import read_table

COMPOUND_ROLE = "compound"


def write_labels_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write labels.csv: a row a site, in the frame's order.

    The role is `compound` or `control`: the format has one word for both kinds of control.

    Args:
        frame: schema.PLATE, WELL, SITE and LABELS; what is missing is written empty.
        path: where to; replaced at once when complete.
    """
    out = pd.DataFrame(
        {
            "index": range(len(frame)),
            "plate": frame[schema.PLATE].tolist(),
            "well": frame[schema.WELL].tolist(),
            "site": frame[schema.SITE].tolist(),
            "role": [_word_of_role(role) for role in frame[schema.ROLE]],
            "compound": frame[schema.COMPOUND].tolist(),
            "target": frame[schema.TARGET].tolist(),
            "concentration_um": [_spell_dose(dose) for dose in frame[schema.DOSE_UM]],
        },
        columns=schema.LABELS_CSV,
    )
    temporary = path.with_name(f".{path.name}.tmp")
    out.to_csv(temporary, index=False, na_rep="", lineterminator="\n")
    os.replace(temporary, path)  # noqa: PTH105 (one system call, on every system)


def read_labels_csv(path: Path) -> pd.DataFrame:
    """Read labels.csv.

    Returns:
        schema.PLATE, WELL, SITE (int64), LABELS; a row a site. A control is negcon when its compound is the vehicle or
        none, else poscon.

    Raises:
        MetadataError: other columns, or a cell that is no number or no role.
    """
    table = read_table(path)
    if list(table.columns) != schema.LABELS_CSV:
        raise MetadataError(
            f"{path}: columns {', '.join(table.columns)}; wanted exactly {', '.join(schema.LABELS_CSV)} "
            "(other tables go to --metadata)"
        )
    try:
        sites = [int(cell) for cell in table["site"]]
        doses = [float("nan") if cell is None else parse_dose(cell, 1.0) for cell in table["concentration_um"]]
    except (TypeError, ValueError, InputError) as error:
        raise MetadataError(f"{path}: site or concentration_um: {error}") from None
    return pd.DataFrame(
        {
            schema.PLATE: text_column(table["plate"].tolist()),
            schema.WELL: text_column(table["well"].tolist()),
            schema.SITE: pd.Series(sites, dtype="int64"),
            schema.COMPOUND: text_column(table["compound"].tolist()),
            schema.TARGET: text_column(table["target"].tolist()),
            schema.ROLE: text_column(
                [_role(cell, name, path) for cell, name in zip(table["role"], table["compound"], strict=True)]
            ),
            schema.DOSE_UM: pd.Series(doses, dtype="float64"),
        }
    )


def _word_of_role(role: object) -> str:
    if role == schema.ROLE_TREATMENT:
        return COMPOUND_ROLE
    return CONTROL if role in (schema.ROLE_NEGATIVE, schema.ROLE_POSITIVE) else ""


def _role(cell: str | None, compound: str | None, path: Path) -> str | None:
    if cell is None:
        return None
    role = read_role(cell, signed=False)
    if role is None:
        raise MetadataError(f"{path}: role {cell!r}; wanted compound or control")
    return settle_role([role], compound)


def _spell_dose(dose: float) -> str:
    return "" if dose != dose else f"{dose:.9g}"
