"""From settings to a folder of plates with its truth: resumable, and the same bytes for any number of threads."""

import json
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from kinfast.errors import InputError
from kinfast.progress import Reporter, Silent
from kinfast.simulate.faults import MISSING, Fault, break_file, choose_faults
from kinfast.simulate.naming import Naming, load_naming
from kinfast.simulate.optics import draw_optics
from kinfast.simulate.plan import Plan, SitePlan, make_plan
from kinfast.simulate.platemap import compounds_of
from kinfast.simulate.render import RawPlanes, Stage, cells_of, render_site
from kinfast.simulate.seeds import Stream, generator
from kinfast.simulate.settings import CHANNELS, SimulationSettings
from kinfast.simulate.stains import Bank, draw_bank, mix
from kinfast.simulate.tiff_writer import encode_tiff, write_atomically
from kinfast.simulate.truth import SETTINGS_FILE, TRUTH_FOLDER, settings_text, write_tables


@dataclass(frozen=True, slots=True)
class _Work:
    """What every well needs to be simulated."""

    root: Path
    settings: SimulationSettings
    naming: Naming
    bank: Bank
    faults: dict[tuple[str, str, int, str], Fault]


def simulate_plates(
    root: Path,
    settings: SimulationSettings,
    threads: int = 1,
    reporter: Reporter | None = None,
    *,
    overwrite: bool = False,
) -> Plan:
    """Simulate plates under root: images, metadata.csv, dataset.yaml and truth/.

    A folder with a simulation of the same settings is completed: files that are there are kept.

    Raises:
        InputError: root holds something else, or a simulation with other settings (unless overwrite).
        UsageError: the settings' convention cannot name the images.
    """
    reporter = reporter or Silent()
    naming = load_naming(settings)
    plan = make_plan(settings, compounds_of(settings))
    faults = choose_faults(plan)
    _claim(root, settings, overwrite)
    bank = draw_bank(generator(settings.seed, Stream.BANK), settings.pixel_um)
    work = _Work(root, settings, naming, bank, {_address(plan.sites[f.site_index], f.channel): f for f in faults})
    reporter.stage("simulate", len(plan.sites), "sites")
    n_cells: list[int] = []
    for counts in _in_order(work, plan, threads):
        n_cells += counts
        reporter.advance(len(counts))
    write_tables(root, plan, faults, naming, n_cells)
    return plan


def _address(site: SitePlan, channel: str) -> tuple[str, str, int, str]:
    return site.well.plate, site.well.name, site.site, channel


def _claim(root: Path, settings: SimulationSettings, overwrite: bool) -> None:
    """Make the folder this simulation's own, or say why that cannot be."""
    mark = root / TRUTH_FOLDER / SETTINGS_FILE
    if root.exists() and not root.is_dir():
        raise InputError(f"{root} is a file: wanted a new folder for the plates")
    if mark.is_file():
        if not overwrite and _read_settings(mark) == settings:
            return
        if not overwrite:
            raise InputError(
                f"{root} holds a simulation with other settings: give the same ones to complete it, --overwrite to "
                "replace it, or another folder"
            )
        shutil.rmtree(root)
    elif root.is_dir() and any(root.iterdir()):
        raise InputError(f"{root} is not empty and holds no simulation: give a new or an empty folder")
    write_atomically(mark, settings_text(settings).encode())


def _read_settings(mark: Path) -> SimulationSettings | None:
    try:
        return SimulationSettings.from_dict(json.loads(mark.read_text()))
    except (ValueError, TypeError, AttributeError):
        return None


def _in_order(work: _Work, plan: Plan, threads: int) -> Iterator[list[int]]:
    """Simulate the wells on several threads and give each one's cell counts, in the plan's order."""
    wells = plan.by_well()
    if threads == 1:
        yield from (_simulate_well(work, sites) for sites in wells)
        return
    with ThreadPoolExecutor(threads) as pool:
        try:
            yield from pool.map(lambda sites: _simulate_well(work, sites), wells)
        finally:
            pool.shutdown(cancel_futures=True)


def _simulate_well(work: _Work, sites: Sequence[SitePlan]) -> list[int]:
    """Write a well's images; files that are there already are kept. Returns each site's number of cells."""
    well, stage = sites[0].well, None
    counts = []
    for site in sites:
        cells = cells_of(work.settings, work.bank, site)
        counts.append(cells.count_inside(work.settings.shape))
        if not _is_complete(work, site):
            if stage is None:
                mixed = mix(work.bank, well.treatment.phenotype)
                stage = Stage(work.settings, work.bank, mixed, draw_optics(work.settings, well.plate_index))
            _write_site(work, site, render_site(stage, site, cells))
    return counts


def _paths(work: _Work, site: SitePlan) -> list[Path]:
    return [work.root / work.naming.path(*_address(site, channel)) for channel in CHANNELS]


def _is_complete(work: _Work, site: SitePlan) -> bool:
    faults = (work.faults.get(_address(site, channel)) for channel in CHANNELS)
    wanted = (fault is None or fault.kind != MISSING for fault in faults)
    return all(path.exists() or not must for path, must in zip(_paths(work, site), wanted, strict=True))


def _write_site(work: _Work, site: SitePlan, planes: RawPlanes) -> None:
    settings = work.settings
    for path, channel, image in zip(_paths(work, site), CHANNELS, planes, strict=True):
        fault = work.faults.get(_address(site, channel))
        if fault is None:
            content: bytes | None = encode_tiff(image, settings.compression, settings.predictor, settings.pixel_um)
        else:
            content = break_file(fault.kind, image, settings)
        if content is not None:
            write_atomically(path, content)
