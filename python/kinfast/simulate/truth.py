"""The tables of what was planted, and the metadata that a screen would have."""

import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from kinfast import schema
from kinfast.simulate.faults import Fault
from kinfast.simulate.naming import Naming, dataset_spec
from kinfast.simulate.optics import draw_optics
from kinfast.simulate.phenotype import AXES
from kinfast.simulate.plan import Plan
from kinfast.simulate.platemap import plate_name
from kinfast.simulate.settings import CHANNELS, SimulationSettings
from kinfast.simulate.tiff_writer import write_atomically

TRUTH_FOLDER = "truth"
SETTINGS_FILE = "settings.json"


def settings_text(settings: SimulationSettings) -> str:
    """Give the content of truth/settings.json."""
    return json.dumps(settings.as_dict(), indent=2) + "\n"


def write_tables(root: Path, plan: Plan, faults: Sequence[Fault], naming: Naming, n_cells: Sequence[int]) -> None:
    """Write metadata.csv and truth/; dataset.yaml comes last: where it is, the simulation is whole.

    n_cells: for each of the plan's sites, the nuclei that lie in the field.
    """
    truth = root / TRUTH_FOLDER
    _write_csv(root / "metadata.csv", metadata_table(plan))
    _write_csv(truth / "sites.csv", sites_table(plan, n_cells))
    _write_csv(truth / "broken.csv", broken_table(plan, faults, naming))
    _write_csv(truth / "compounds.csv", compounds_table(plan))
    write_atomically(truth / "fields.npz", _fields_bytes(plan.settings))
    spec = yaml.safe_dump(dict(dataset_spec(naming, plan.settings)), sort_keys=False)
    write_atomically(root / "dataset.yaml", spec.encode())


def metadata_table(plan: Plan) -> pd.DataFrame:
    """One row a plate x well: what was put in, as a laboratory would hand it over."""
    rows = [
        (w.plate, w.name, w.treatment.name, w.treatment.target, w.treatment.role, w.treatment.dose_um)
        for w in (sites[0].well for sites in plan.by_well())
    ]
    return pd.DataFrame(rows, columns=[schema.PLATE, schema.WELL, *schema.LABELS])


def sites_table(plan: Plan, n_cells: Sequence[int]) -> pd.DataFrame:
    """One row a site: its condition, the cells in its field, and the factors on its light."""
    rows = [
        (p.well.plate, p.well.name, p.site, p.condition, p.planted, count, *p.light)
        for p, count in zip(plan.sites, n_cells, strict=True)
    ]
    columns = ["plate", "well", "site", "condition", "planted", "n_cells", *(f"light_{name}" for name in CHANNELS)]
    return pd.DataFrame(rows, columns=columns)


def broken_table(plan: Plan, faults: Sequence[Fault], naming: Naming) -> pd.DataFrame:
    """One row a broken file; the path of a missing one is where it would have been."""
    rows = []
    for fault in faults:
        site = plan.sites[fault.site_index]
        path = naming.path(site.well.plate, site.well.name, site.site, fault.channel)
        rows.append((path, fault.kind, site.well.plate, site.well.name, site.site, fault.channel))
    return pd.DataFrame(rows, columns=["path", "kind", "plate", "well", "site", "channel"]).sort_values("path")


def compounds_table(plan: Plan) -> pd.DataFrame:
    """One row a compound: how active it is, and what it does along each axis at a saturating dose."""
    rows = [(c.name, c.target, c.activity, c.strength, c.ec50_um, c.toxicity, *c.effect) for c in plan.compounds]
    columns = ["compound", "target", "activity", "strength", "ec50_um", "toxicity", *(f"effect_{a}" for a in AXES)]
    return pd.DataFrame(rows, columns=columns)


def _fields_bytes(settings: SimulationSettings) -> bytes:
    """`<plate>/<channel>/flatfield` (H, W) of mean 1 and `<plate>/<channel>/darkfield` (H, W) counts."""
    arrays: dict[str, np.ndarray] = {}
    for index in range(settings.plates):
        for channel, optics in zip(CHANNELS, draw_optics(settings, index), strict=True):
            arrays[f"{plate_name(index)}/{channel}/flatfield"] = optics.flatfield
            arrays[f"{plate_name(index)}/{channel}/darkfield"] = np.full(settings.shape, optics.dark_counts, np.float32)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]  # its stub takes a keyword for the option
    return buffer.getvalue()


def _write_csv(path: Path, table: pd.DataFrame) -> None:
    write_atomically(path, table.to_csv(index=False, float_format="%.6g", lineterminator="\n").encode())
