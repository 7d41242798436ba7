"""Which compounds do nothing: each compound's wells beside the negative controls of the same plates.

Works on a table with a row per site: Metadata_* and features, be they the Quality_* measures of a run's
predictions.parquet, the image features of `data.profiles`, or embeddings.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kinfast import config, schema
from kinfast.data.groups import NO_COMPOUND, compound_identity
from kinfast.errors import InputError, SplitError
from kinfast.evaluate.dose_response import dose_column
from kinfast.metrics.activity import (
    CONTROL,
    ActivityTest,
    compare_with_controls,
    discovery_q_values,
    replicate_precision,
)
from kinfast.metrics.arrays import Codes, Float
from kinfast.metrics.oddness import robust_z
from kinfast.progress import Reporter, Silent

ACTIVITY_COLUMNS = ("Metadata_Compound", "distance", "p_value", "q_value", "active")
FEWEST_CONTROLS = 2
MOST_Z = 20.0
"""z-scores are bounded to it, so that one measure that hardly varies does not decide a distance."""


@dataclass(frozen=True, slots=True)
class Activity:
    """What was found.

    Attributes:
        compounds: ACTIVITY_COLUMNS, a row per compound, by name.
        doses: the same for each dose, with `dose`, `wells`, `controls` and `least_p`, the smallest p-value that so few
            wells can give; without doses, one row per compound.
        notes: what a reader must know: compounds that cannot be judged, plates without controls.
    """

    compounds: pd.DataFrame
    doses: pd.DataFrame
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wells:
    """Well profiles, as z-scores.

    Attributes:
        values: (n, n_features).
        names: (n,) compound, empty for a negative control.
        plates, doses: (n,) numbers.
        dose_names: of the dose numbers.
    """

    values: Float
    names: NDArray[np.str_]
    plates: Codes
    doses: Codes
    dose_names: tuple[str, ...]

    @property
    def control(self) -> NDArray[np.bool_]:
        """(n,) whether the well is a negative control."""
        mask: NDArray[np.bool_] = self.names == ""
        return mask


def find_activity(
    sites: pd.DataFrame, features: Sequence[str], seed: int = config.SEED, reporter: Reporter | None = None
) -> Activity:
    """Test every compound of a table.

    Args:
        sites: a row per site: plate, well, Metadata_Compound, Metadata_Role, features.
        features: numeric columns.
        seed: of the permutations.
        reporter: told of the progress, in compounds.

    Raises:
        InputError: no compounds, no features, or no plate with two negative controls and a compound.
    """
    wells, notes = profile_wells(sites, features)
    compounds = np.unique(wells.names[~wells.control])
    told = reporter or Silent()
    told.stage("activity", len(compounds), "compounds")
    rows, dose_rows = [], []
    residuals = _residuals(wells)
    for number, name in enumerate(compounds):
        kept = ~np.isin(np.arange(len(wells.names)), np.flatnonzero(wells.names == name))
        precision = replicate_precision(
            residuals[kept & residuals.any(axis=1)], wells.values.shape[1], config.FEWEST_RESIDUALS
        )
        whole, by_dose = _test_compound(wells, str(name), precision, np.random.default_rng([seed, number]))
        rows.append(whole)
        dose_rows += by_dose
        told.advance()
    frame, doses = _judged(pd.DataFrame(rows)), _judged(pd.DataFrame(dose_rows))
    return Activity(frame[list(ACTIVITY_COLUMNS)], doses, (*notes, *_small(frame)))


def profile_wells(sites: pd.DataFrame, features: Sequence[str]) -> tuple[Wells, list[str]]:
    """Take the median of each well's sites, as robust z-scores by all wells of its plate."""
    names, control = _names(sites)
    dose = dose_column(sites[~control & (names != "")])
    frame = sites[list(features)].astype("float64").replace([np.inf, -np.inf], np.nan)
    frame = frame.assign(
        plate=sites[schema.PLATE].astype(str),
        well=sites[schema.WELL].astype(str),
        name=names,
        dose=0.0 if dose is None else pd.to_numeric(sites[dose], errors="coerce").fillna(0.0).astype("float64"),
    )[control | (names != "")]
    frame.loc[frame["name"] == "", "dose"] = CONTROL
    wells = frame.groupby(["plate", "well", "name", "dose"], sort=True)[list(features)].median().reset_index()
    plates = wells.groupby("plate").ngroup().to_numpy().astype(np.int64)
    values = np.clip(robust_z(wells[list(features)].to_numpy(np.float64), plates), -MOST_Z, MOST_Z)
    values = values[:, values.any(axis=0)]
    kept, notes = _with_controls(wells, plates)
    if not kept.any() or values.shape[1] == 0:
        raise InputError(
            f"activity needs a plate with {FEWEST_CONTROLS} negative control wells ({schema.ROLE_NEGATIVE}), a"
            f" compound and measures that vary; there are {(wells['name'] == '').sum()} such wells, "
            f"{wells['name'].nunique() - (wells['name'] == '').any()} compounds and {values.shape[1]} measures"
        )
    levels, codes = np.unique(wells["dose"].to_numpy(np.float64), return_inverse=True)
    doses = np.where(wells["name"] == "", CONTROL, codes.reshape(-1)).astype(np.int64)
    spelled = tuple("" if dose is None else f"{level:g}" for level in levels)
    text = wells["name"].to_numpy(np.str_)
    return Wells(values[kept], text[kept], plates[kept], doses[kept], spelled), notes


def _names(sites: pd.DataFrame) -> tuple[NDArray[np.str_], NDArray[np.bool_]]:
    """Name each site's compound, positive controls included, and tell which are negative controls."""
    try:
        identity = compound_identity(sites)
    except SplitError as error:
        raise InputError(f"activity needs compounds: {error}") from None
    text = sites[schema.COMPOUND].astype(object).where(sites[schema.COMPOUND].notna(), "").astype(str).str.strip()
    plain = text.to_numpy(np.str_)
    solvent = np.isin(np.char.lower(plain), sorted(NO_COMPOUND))
    if schema.ROLE in sites:
        roles = sites[schema.ROLE].astype(object)
        control = (roles == schema.ROLE_NEGATIVE).to_numpy()
    else:
        control = solvent & (plain != "")
    first = pd.Series(plain).groupby(np.where(identity == "", plain, identity)).transform("first").to_numpy(np.str_)
    return np.where(control | solvent, "", first), control


def _with_controls(wells: pd.DataFrame, plates: Codes) -> tuple[NDArray[np.bool_], list[str]]:
    control = (wells["name"] == "").to_numpy()
    enough = np.bincount(plates[control], minlength=plates.max(initial=0) + 1) >= FEWEST_CONTROLS
    treated = np.bincount(plates[~control], minlength=enough.size) > 0
    lacking = wells.loc[~enough[plates], "plate"].unique()
    notes = [
        f"{len(lacking)} plates have fewer than {FEWEST_CONTROLS} negative control wells and are left out: "
        + ", ".join(map(str, lacking[:5]))
    ] * bool(len(lacking))
    return (enough & treated)[plates], notes


def _residuals(wells: Wells) -> Float:
    """Give each treated well minus the mean of its replicates, zero where it has none: (n, n_features)."""
    for keys in ([wells.names, wells.doses], [wells.names]):
        groups = pd.DataFrame(dict(enumerate(keys))).groupby(list(range(len(keys)))).ngroup().to_numpy()
        means = pd.DataFrame(wells.values).groupby(groups).transform("mean").to_numpy()
        sizes = np.bincount(groups)[groups]
        residuals = np.where((wells.control | (sizes < 2))[:, None], 0.0, wells.values - means)
        if (~wells.control & (sizes > 1)).sum() >= 2 * config.FEWEST_RESIDUALS:
            return residuals
    return residuals


def _test_compound(
    wells: Wells, name: str, precision: Float, rng: np.random.Generator
) -> tuple[dict[str, object], list[dict[str, object]]]:
    mine = wells.names == name
    whole = _test(wells, mine, precision, rng)
    doses = np.unique(wells.doses[mine])
    by_dose = []
    for dose in doses:
        part = mine & (wells.doses == dose)
        found = whole if len(doses) == 1 else _test(wells, part, precision, rng)
        by_dose.append(_row(wells, name, part, found) | {"dose": wells.dose_names[dose]})
    return _row(wells, name, mine, whole), by_dose


def _beside(wells: Wells, treated: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return wells.control & np.isin(wells.plates, wells.plates[treated])


def _test(wells: Wells, treated: NDArray[np.bool_], precision: Float, rng: np.random.Generator) -> ActivityTest:
    rows = treated | _beside(wells, treated)
    return compare_with_controls(wells.values[rows], wells.plates[rows], wells.doses[rows], precision, rng)


def _row(wells: Wells, name: str, treated: NDArray[np.bool_], found: ActivityTest) -> dict[str, object]:
    return {
        schema.COMPOUND: name,
        "wells": int(treated.sum()),
        "controls": int(_beside(wells, treated).sum()),
        "distance": found.distance,
        "p_value": found.p_value,
        "least_p": found.least_p,
    }


def _judged(frame: pd.DataFrame) -> pd.DataFrame:
    q = discovery_q_values(frame["p_value"].to_numpy(np.float64))
    return frame.assign(q_value=q, active=q <= config.FALSE_DISCOVERY_RATE)


def _small(frame: pd.DataFrame) -> list[str]:
    """Name the compounds of which so few wells exist that no test could find them active."""
    hopeless = frame.loc[frame["least_p"] > config.FALSE_DISCOVERY_RATE, schema.COMPOUND].tolist()
    if not hopeless:
        return []
    shown = ", ".join(hopeless[:5]) + (f" and {len(hopeless) - 5} more" if len(hopeless) > 5 else "")
    return [
        f"{len(hopeless)} of the compounds had too few wells or controls to be judged ({shown}): not being"
        " called active says nothing about them"
    ]
