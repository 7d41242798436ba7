"""One plate, from its files and parameters to its shard: a pure task, the same bytes whoever runs it."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kinfast import _native, schema
from kinfast.domain import AnyArray, ImageFile, QuarantineRow, Site, StoreImages
from kinfast.preprocess import atomic
from kinfast.preprocess.channel_swap import correlate_channels
from kinfast.preprocess.flags import Verdicts, flag_sites
from kinfast.preprocess.illumination.field import lay_out_flatfield
from kinfast.preprocess.inputs import describe_inputs, unreadable_files
from kinfast.preprocess.measures import Measures, collect_measures
from kinfast.preprocess.plan import PlatePlan, PlateTask, plan_plate
from kinfast.preprocess.plate_checks import STORED_LEVEL
from kinfast.preprocess.rows import RowWriter
from kinfast.preprocess.sampling import site_paths
from kinfast.preprocess.shard import HASHES, INPUTS, PLATE, QUARANTINE, SITES, UNREADABLE, rows_text
from kinfast.preprocess.thresholds import Thresholds, find_thresholds
from kinfast.progress import Reporter

BATCH_SITES = 64
"""Sites a native call: progress and Ctrl-C live between calls."""
BATCH_BYTES = 256 * 2**20
"""Memory of one call's output, at most (one site at least)."""
PIXEL_HASH = "pixel_hash_"
"""Columns of the shard that duplicates are found by; not in sites.parquet."""


@dataclass(slots=True)
class _Pass:
    """What pass two gathers."""

    sites: list[Site] = field(default_factory=list)
    results: list[list[_native.ChannelResult]] = field(default_factory=list)
    quarantine: list[QuarantineRow] = field(default_factory=list)
    hashes: list[list[str]] = field(default_factory=list)
    levels: list[NDArray[np.float64]] = field(default_factory=list)
    correlations: list[NDArray[np.float64]] = field(default_factory=list)


def prepare_plate(
    task: PlateTask, work: Path, image_file: str, threads: int, reporter: Reporter, plan: PlatePlan | None = None
) -> None:
    """Do all of a plate's work and leave its files in a folder.

    Args:
        task: the plate, and all that decides its bytes.
        work: an empty folder.
        image_file: name that the table gives the image file.
        threads: threads; they do not change the bytes.
        reporter: told of each batch.
        plan: what pass one of this very plate gave; None: it is run here.
    """
    with ThreadPoolExecutor(1) as pool:  # for changes of the light, and the fields' files, while images are decoded
        plan = plan or plan_plate(task, threads, reporter, pool)
        fields = pool.submit(_write_fields, plan, work / "fields") if plan.shape is not None else None
        done = _run_pass_two(task, plan, work / "images.npy", threads, reporter)
        if fields is not None:
            fields.result()
    if not done.sites:
        (work / "images.npy").unlink()
    correlations = np.concatenate([np.empty((0, len(task.channels), len(task.channels))), *done.correlations])
    measures = collect_measures(done.results, task.channels, plan.stored[0] * plan.stored[1], correlations)
    control = np.array([site.key.well in task.controls for site in done.sites], bool)
    dark = {name: task.quality.get(f"dark_{name}", fit.dark_below) for name, fit in plan.fits.items()}
    thresholds = find_thresholds(measures, dark, plan.nuclei(task), task.quality, control)
    table = _site_table(task, done, measures, flag_sites(measures, thresholds), image_file)
    if plan.groups:
        table[schema.ILLUMINATION_GROUP] = table[schema.WELL].map(plan.groups).astype("str")
    atomic.write_parquet(work / SITES, table)
    atomic.write_json(work / PLATE, _facts(task, plan, thresholds, len(done.sites)))
    atomic.write_bytes(work / QUARANTINE, rows_text(done.quarantine))
    again = unreadable_files(done.quarantine) + _unread_at_first(task, plan, done, reporter)
    inputs = describe_inputs(task) | {HASHES: done.hashes, UNREADABLE: again}
    atomic.write_bytes(work / INPUTS, (json.dumps(inputs, ensure_ascii=False) + "\n").encode())


def _unread_at_first(task: PlateTask, plan: PlatePlan, done: _Pass, reporter: Reporter) -> list[str]:
    """Give the files that pass one could not read and pass two could, and say so: fields rest on the others alone.

    A share that failed for a moment must not leave its mark in silence: the next run does the plate anew.
    """
    aside = {(row.well, row.site, row.timepoint, row.channel) for row in done.quarantine}
    paths = []
    for c, (channel, positions) in enumerate(plan.unread.items()):
        for site in (task.plate.sites[i] for i in sorted(positions)):
            if (site.key.well, site.key.site, site.key.timepoint, channel) not in aside:
                paths.append(site.channels[c][0].path)
    if paths:
        reporter.line(
            f"{task.plate.name}: {len(paths)} images could not be read at first and could a little later ({paths[0]}): "
            "fields and windows were found without them; run again, and the plate is done anew"
        )
    return paths


def batch_sites(stored: tuple[int, int], n_channels: int) -> int:
    """Give the sites of one native call: bounded in number and in memory."""
    return max(1, min(BATCH_SITES, BATCH_BYTES // (stored[0] * stored[1] * n_channels)))


def _run_pass_two(task: PlateTask, plan: PlatePlan, path: Path, threads: int, reporter: Reporter) -> _Pass:
    """Decode, correct, resize and store every site; what cannot be used is set aside with its reason."""
    done = _Pass()
    row_shape = (*plan.stored, len(task.channels))
    buffer = np.empty((batch_sites(plan.stored, len(task.channels)), *row_shape), np.uint8)
    plans = plan.native(task)
    reporter.stage(f"{task.plate.name}: sites", len(task.plate.sites), "sites")
    with RowWriter(path, row_shape) as writer:
        for group, sites in _batches(task.plate.sites, len(buffer), plan.groups):
            out = buffer[: len(sites)]
            paths = [site_paths(task.root, site) for site in sites]
            results = _native.process_sites(paths, plans[group], plan.raw, out, threads)
            sound = _take_sound(task, plan.raw, sites, results, out, done)
            done.correlations.append(correlate_channels(sound))
            writer.append(sound)
            reporter.advance(len(sites), f"{len(done.quarantine)} quarantined" if done.quarantine else "")
        writer.commit()
    return done


def _batches(sites: Sequence[Site], size: int, groups: Mapping[str, str]) -> Iterator[tuple[str, Sequence[Site]]]:
    """Give runs of neighbouring sites of one group, with its name: the store's rows keep the sites' order."""
    for group, run in groupby(sites, key=lambda site: groups.get(site.key.well, "")):
        alike = list(run)
        for start in range(0, len(alike), size):
            yield group, alike[start : start + size]


def _take_sound(
    task: PlateTask,
    raw: tuple[int, int],
    sites: Sequence[Site],
    results: list[list[_native.ChannelResult]],
    out: StoreImages,
    done: _Pass,
) -> StoreImages:
    """Note a batch's results, and give the rows of its sound sites."""
    sound = []
    for i, (site, channels) in enumerate(zip(sites, results, strict=True)):
        done.hashes.append([f"{channel.file_hash:016x}" for channel in channels])
        bad = [c for c, channel in enumerate(channels) if channel.error]
        if bad:
            done.quarantine += [row for c in bad for row in _causes(task, raw, site, c, channels[c])]
            continue
        sound.append(i)
        done.sites.append(site)
        done.results.append(channels)
    rows = out if len(sound) == len(sites) else out[sound]
    done.levels.append(_stored_levels(rows, [sites[i].key.well in task.controls or not task.controls for i in sound]))
    return rows


def _stored_levels(rows: StoreImages, wanted: Sequence[bool]) -> NDArray[np.float64]:
    """Give (n, C) mean levels, nan where not wanted: of controls only, to save time."""
    levels = np.full((len(rows), rows.shape[-1]), np.nan)
    for i in np.flatnonzero(wanted):
        # lines are added up first: a loop over few channels inside would be ten times as slow
        lines = rows[i].reshape(rows.shape[1], -1).sum(axis=0, dtype=np.uint32)
        levels[i] = lines.reshape(rows.shape[2], -1).sum(axis=0) / (rows.shape[1] * rows.shape[2])
    return levels


def _causes(
    task: PlateTask, raw: tuple[int, int], site: Site, channel: int, result: _native.ChannelResult
) -> list[QuarantineRow]:
    """Name every broken plane of a channel; the native pass stops at the first."""
    planes = site.channels[channel]
    name = task.channels[channel]
    first = next((p for p in planes if str(task.root / p.path) == result.error_path), planes[0])
    rows = [_quarantine(first, site, name, result.error)]
    for plane in planes[planes.index(first) + 1 :]:
        reason = _plane_error(task.root / plane.path, raw)
        rows += [_quarantine(plane, site, name, reason)] if reason else []
    return rows


def _plane_error(path: Path, raw: tuple[int, int]) -> str:
    try:
        shape = _native.decode(str(path), 0, None).shape
    except (_native.TiffError, OSError) as error:
        return str(error)
    return "" if shape == raw else f"image is {shape}, wanted {raw}"


def _quarantine(image: ImageFile, site: Site, channel: str, reason: str) -> QuarantineRow:
    key = site.key
    one_line = " ".join(reason.split())
    return QuarantineRow(image.path, key.plate, key.well, key.site, channel, one_line, key.timepoint)


def _site_table(task: PlateTask, done: _Pass, measures: Measures, verdicts: Verdicts, image_file: str) -> pd.DataFrame:
    keys = [site.key for site in done.sites]
    columns: dict[str, Any] = {
        schema.PLATE: pd.Series([k.plate for k in keys], dtype=object).astype("str"),
        schema.WELL: pd.Series([k.well for k in keys], dtype=object).astype("str"),
        schema.SITE: np.array([k.site for k in keys], np.int64),
        schema.TIMEPOINT: np.array([k.timepoint for k in keys], np.int64),
        schema.PIXEL_UM: np.full(len(keys), np.nan if task.pixel_um is None else task.pixel_um),
        **measures.columns(),
        **verdicts.columns(),
        **verdicts.flags,
        schema.FLAG_REASON: pd.Series(verdicts.texts(), dtype=object).astype("str"),
    }
    for c, channel in enumerate(task.channels):
        paths = [site.channels[c][0].path for site in done.sites]
        parts = [path.rpartition("/") for path in paths]
        columns[schema.file_name(channel)] = pd.Series([p[2] for p in parts], dtype=object).astype("str")
        columns[schema.path_name(channel)] = pd.Series([p[0] or "." for p in parts], dtype=object).astype("str")
        columns[STORED_LEVEL + channel] = np.array([site[c] for part in done.levels for site in part], np.float64)
        columns[PIXEL_HASH + channel] = np.array([site[c].pixel_hash for site in done.results], np.uint64)
    columns[schema.IMAGE_FILE] = pd.Series([image_file] * len(keys), dtype=object).astype("str")
    columns[schema.IMAGE_INDEX] = np.arange(len(keys), dtype=np.int64)
    return pd.DataFrame(columns)


def _write_fields(plan: PlatePlan, folder: Path) -> None:
    """Write the fields at the raw images' size, as pass two laid them out: (raw - darkfield) / flatfield."""
    folder.mkdir()
    for channel, fit in plan.fits.items():
        field_ = fit.illumination
        arrays: dict[str, Callable[[], AnyArray]] = {
            "flatfield": partial(lay_out_flatfield, field_.flatfield, plan.raw),
            "darkfield": partial(_native.expand_field, field_.darkfield, *plan.raw),
        }
        for name in ("helped", "verdict", "contrast", "error", "n_images", "method"):
            arrays[name] = partial(np.array, getattr(field_, name))
        judged = field_.judged
        arrays["shading_before"] = partial(np.array, judged.before)
        arrays["shading_after"] = partial(np.array, judged.after)
        arrays["shading_gain"] = partial(np.array, [judged.gain_low, judged.gain_high])
        if plan.groups:  # as grids: at the raw images' size a field a row would outgrow the store
            arrays |= {f"flatfield_{name}": partial(np.array, of.flatfield) for name, of in fit.light.groups.items()}
            arrays["wells"] = partial(np.array, list(plan.groups))
            arrays["groups"] = partial(np.array, list(plan.groups.values()))
        atomic.write_npz(folder / f"{channel}.npz", arrays)


def _facts(task: PlateTask, plan: PlatePlan, thresholds: Thresholds, n_sites: int) -> dict[str, Any]:
    return {
        "plate": task.plate.name,
        "n_sites": n_sites,
        "shape": None if plan.shape is None else list(plan.shape),
        "stored": None if not n_sites else list(plan.stored),
        "batch": task.batch or None,
        "reference": {name: list(window) for name, window in task.reference.items()},
        "windows": {name: list(window) for name, window in plan.windows(task).items()},
        "levels": {name: asdict(fit.levels) for name, fit in plan.fits.items()},
        "thresholds": thresholds.as_json(),
        "illumination": {
            name: {
                "dark_counts": round(float(fit.illumination.darkfield.mean()), 3),
                **fit.illumination.as_json(),
                "n_images": fit.n_sampled,
                "drift": fit.change.result().as_json(),
                "groups": {group: fields.as_json() for group, fields in fit.light.groups.items()},
            }
            for name, fit in plan.fits.items()
        },
        "saturation_counts": {name: fit.saturation for name, fit in plan.fits.items()},
    }
