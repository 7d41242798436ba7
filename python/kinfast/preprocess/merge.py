"""From the plates' shards to the store's global tables: cheap, and done again by every run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kinfast import __version__, schema
from kinfast.config import STORE_FORMAT_VERSION
from kinfast.domain import IgnoredFile, QuarantineRow
from kinfast.errors import InputError
from kinfast.plate.label_columns import text_column
from kinfast.preprocess import atomic
from kinfast.preprocess.duplicates import describe_doubles, find_doubles
from kinfast.preprocess.exclusions import apply_exclusions
from kinfast.preprocess.inputs import hash_json
from kinfast.preprocess.plan import stored_shape
from kinfast.preprocess.plate_checks import check_plates, compare_plates
from kinfast.preprocess.shard import Shard

_PLATE_FACTS = ("n_sites", "shape", "batch", "levels", "thresholds", "saturation_counts", "illumination")


def merge_sites(
    shards: Sequence[Shard], channels: tuple[str, ...], exclusions: pd.DataFrame
) -> tuple[pd.DataFrame, int]:
    """Make the table of sites: rows of all plates, with labels, duplicates and exclusions.

    Returns:
        (the table, number of exclusions that name no site).
    """
    parts = [shard.sites for shard in shards if len(shard.sites)] or [shards[0].sites]
    sites = pd.concat(parts, ignore_index=True)
    doubles = find_doubles(sites, channels)
    duplicates = [describe_doubles(found) for found in doubles]
    doubled = np.array([len(found) for found in doubles], np.float64)
    sites["Flag_duplicate"] = doubled > 0
    sites[schema.judged("duplicate", "measure")] = doubled
    sites[schema.judged("duplicate", "threshold")] = 1.0
    excluded, unmatched = apply_exclusions(sites, exclusions)
    sites[schema.FLAG_EXCLUDED] = np.array([bool(reason) for reason in excluded], bool)
    sites[schema.FLAG_ANY] = sites[[*schema.FLAGS, schema.FLAG_EXCLUDED]].any(axis=1).to_numpy(bool)
    reasons = [
        "; ".join(reason for reason in three if reason)
        for three in zip(sites[schema.FLAG_REASON], duplicates, excluded, strict=True)
    ]
    sites[schema.FLAG_REASON] = pd.Series(reasons, dtype=object).astype("str")
    labels = merge_labels([shard.labels for shard in shards])
    joined = sites.merge(labels, on=[schema.PLATE, schema.WELL], how="left", validate="many_to_one")
    return joined[_column_order(joined, labels, channels)], unmatched


def merge_labels(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Put the plates' labels together; a column that is text on one plate is text on all."""
    labels = pd.concat(list(parts), ignore_index=True)
    for column in labels.columns:
        if column == schema.DOSE_UM:
            labels[column] = pd.to_numeric(labels[column]).astype(np.float64)
        elif labels[column].dtype == object or column in (schema.COMPOUND, schema.TARGET, schema.ROLE):
            labels[column] = text_column([None if pd.isna(v) else str(v) for v in labels[column]])
    return labels


def _column_order(joined: pd.DataFrame, labels: pd.DataFrame, channels: tuple[str, ...]) -> list[str]:
    others = [c for c in labels.columns if c not in (*schema.KEY, *schema.LABELS, schema.PIXEL_UM)]
    quality = [c for c in joined.columns if c.startswith("Quality_") and c != schema.FLAG_REASON]
    files = [name(c) for c in channels for name in (schema.file_name, schema.path_name)]
    flags = [*schema.FLAGS, schema.FLAG_EXCLUDED, schema.FLAG_ANY, schema.FLAG_REASON]
    own = [*schema.KEY, *schema.LABELS, schema.PIXEL_UM, *others, *quality, *flags, *files]
    return [*own, schema.IMAGE_FILE, schema.IMAGE_INDEX]


def quarantine_table(shards: Sequence[Shard], loose: Sequence[QuarantineRow]) -> pd.DataFrame:
    """Make the table of what was set aside, one row a cause, sorted by plate, well, site, channel, path."""
    rows = [*loose, *(row for shard in shards for row in shard.quarantine)]
    rows.sort(key=lambda r: (r.plate, r.well, r.site or 0, r.timepoint, r.channel, r.path))
    table = pd.DataFrame(
        [[getattr(row, name) for name in schema.QUARANTINE] for row in rows], columns=schema.QUARANTINE
    )
    return table.astype({"site": "Int64", "timepoint": "Int64"})


def ignored_table(ignored: Sequence[IgnoredFile]) -> pd.DataFrame:
    """Make the table of files that are no plate image, sorted by path."""
    rows = sorted((file.path, file.reason) for file in ignored)
    return pd.DataFrame(rows, columns=schema.IGNORED)


def common_size(shards: Sequence[Shard]) -> list[int]:
    """Give the (h, w) that all plates' stored images have; [0, 0] where there is no site.

    Raises:
        InputError: they differ.
    """
    sizes = {shard.plate: tuple(shard.facts["stored"]) for shard in shards if shard.facts["stored"]}
    check_sizes(sizes)
    return list(next(iter(sizes.values()), (0, 0)))


def check_sizes(sizes: Mapping[str, tuple[int, ...]]) -> None:
    """Check that all plates' stored images have one size.

    Raises:
        InputError: they differ.
    """
    first = next(iter(sizes.items()), None)
    for plate, size in sizes.items():
        if first is not None and size != first[1]:
            side = min(*size, *first[1])
            alike = len({stored_shape((height, width), side) for height, width in (size, first[1])}) == 1
            smaller = "give a smaller --size, or " if alike else ""  # of another aspect ratio none would help
            raise InputError(
                f"plate {first[0]} gives images of {_by(first[1])} pixels and plate {plate} of {_by(size)}, and a "
                f"store holds one size: {smaller}prepare them apart with --plates and --out"
            )


def _by(size: tuple[int, ...]) -> str:
    return " x ".join(str(side) for side in size)


def dataset_facts(
    spec: Mapping[str, Any],
    parameters: Mapping[str, Any],
    convention: str,
    shards: Sequence[Shard],
    sites: pd.DataFrame,
) -> dict[str, Any]:
    """Make dataset.json's content. sites: the merged table, its rows in the order of the shards'."""
    checks = check_plates(shards, sites, parameters["channels"])
    return {
        "format_version": STORE_FORMAT_VERSION,
        "software_version": __version__,
        "spec": dict(spec),
        "convention": convention,
        "channels": list(parameters["channels"]),
        "composites": {name: list(members) for name, members in spec["composites"].items()},
        "streams": list(spec["streams"]),
        "image_size": common_size(shards),
        "intensity": _intensity(parameters, shards),
        "intensity_windows": {shard.plate: shard.facts["windows"] for shard in shards},
        "parameters": dict(parameters),
        "parameters_hash": hash_json(dict(parameters)),
        "between_plates": compare_plates(checks, parameters["channels"]),
        "plates": {
            shard.plate: {name: shard.facts[name] for name in _PLATE_FACTS} | checks[shard.plate] for shard in shards
        },
    }


def _intensity(parameters: Mapping[str, Any], shards: Sequence[Shard]) -> dict[str, Any]:
    """Say how windows were set, and of each batch its plates and its reference."""
    batches: dict[str, Any] = {}
    for shard in shards:
        if name := shard.facts["batch"]:
            batches.setdefault(name, {"plates": [], "reference": shard.facts["reference"]})["plates"].append(
                shard.plate
            )
    return {"kind": parameters["intensity"], "batches": {name: batches[name] for name in sorted(batches)}}


def write_tables(out: Path, tables: Mapping[str, pd.DataFrame]) -> None:
    """Write tables by file name; the ending decides the format."""
    for name, table in tables.items():
        write = atomic.write_parquet if name.endswith(".parquet") else atomic.write_csv
        write(out / name, table)
