"""Opening a folder of plates: everything from the names of files to sites with channels and labels."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from kinfast import schema
from kinfast.domain import WellName, parse_well
from kinfast.errors import InputError
from kinfast.plate.channels import map_channels
from kinfast.plate.conventions import Convention, load_convention
from kinfast.plate.discovery import Tree, detect_convention, sample_files, scan_tree, score_conventions
from kinfast.plate.layout import lay_out, parse_plane
from kinfast.plate.metadata import Labels, join_metadata
from kinfast.plate.plate_set import ConventionScore, PlateSet
from kinfast.plate.reading import NamedImage, Reading, read_tree
from kinfast.plate.side_files import SideInfo, read_side_files
from kinfast.plate.specs import DATASET_FILE, DatasetSpec, load_spec, spec_path
from kinfast.progress import Reporter, Silent


def open_plates(
    root: Path,
    *,
    spec: str | None = None,
    convention: str | None = None,
    channels: Mapping[str, str] | None = None,
    plane: str = "max",
    metadata: Sequence[Path] = (),
    plates: Sequence[str] | None = None,
    wells: Sequence[str] | None = None,
    reporter: Reporter | None = None,
) -> PlateSet:
    """Find out what a folder of plates holds. Nothing is written and no pixel is read.

    Args:
        root: the folder.
        spec: a shipped spec's name or a YAML file; else the folder's own dataset.yaml, else what is found.
        convention: a shipped convention's name, a YAML file or a template; else the one that fits the names best.
        channels: token in the names -> channel's name, by hand.
        plane: "max" or the number of a plane.
        metadata: tables to be joined by plate and well; else the spec's own.
        plates: only these plates.
        wells: only these wells, in any usual spelling.
        reporter: told how far it is.

    Raises:
        InputError: there is nothing that can be used; the message says what to do.
        ConventionError, SpecError, MetadataError, UsageError: kinds of it.
    """
    reporter = reporter or Silent()
    root = Path(root).resolve()
    parse_plane(plane)
    chosen, home = _choose_spec(root, spec)
    tree = scan_tree(root, reporter)
    if tree.n_tiffs == 0:
        raise InputError(f"{root}: no TIFF file in it or below it; wanted a folder of plates")
    rules, scores = _choose_convention(tree, convention or (chosen.convention if chosen else None))
    reading = read_tree(tree, rules)
    side = read_side_files(root, (path for paths in reading.folders.values() for path in paths), rules.side_files)
    images = _select(reading.images, plates, wells)
    shown = images if chosen is None else reading.images  # a spec is one for all plates, also when few are taken
    channel_map = map_channels((image.token for image in shown), chosen, channels, _side_channels(side))
    labels = _join_labels(reading, metadata or _own_tables(chosen, home), images)
    layout = lay_out(images, channel_map.spec.channel_names, channel_map.names, plane)
    return PlateSet(
        root=root,
        spec=channel_map.spec,
        convention=rules.name,
        plates=layout.plates,
        quarantine=layout.quarantine,
        ignored=tuple(sorted((*reading.ignored, *layout.ignored), key=lambda file: file.path)),
        labels=labels.frame,
        notes=(*_side_notes(side), *reading.notes, *channel_map.notes, *labels.notes),
        scores=scores,
        pixel_um=_pixel_sizes(reading, side, channel_map.spec),
    )


def _choose_spec(root: Path, name: str | None) -> tuple[DatasetSpec | None, Path]:
    """Give the spec and the folder that its own table is relative to."""
    if name is not None:
        return load_spec(name), spec_path(name).parent
    own = root / DATASET_FILE
    return (load_spec(str(own)), root) if own.is_file() else (None, root)


def _choose_convention(tree: Tree, name: str | None) -> tuple[Convention, tuple[ConventionScore, ...]]:
    if name is None:
        return detect_convention(tree)
    rules = load_convention(name)
    files = sample_files(tree)
    scores = score_conventions(files, [rules])
    if scores[0].share == 0:
        folder, file = files[len(files) // 2]
        raise InputError(f"convention {name} reads no name here; one is {folder}/{file}")
    return rules, scores


def _side_channels(side: Sequence[SideInfo]) -> dict[str, str]:
    """Merge what side files call the channels; nothing where two plates disagree."""
    merged: dict[str, str] = {}
    for info in side:
        for token, name in info.channels.items():
            if merged.setdefault(token, name) != name:
                return {}
    return merged


def _side_notes(side: Sequence[SideInfo]) -> list[str]:
    return [info.problem for info in side if info.problem]


def _pixel_sizes(reading: Reading, side: Sequence[SideInfo], spec: DatasetSpec) -> dict[str, float]:
    sizes: dict[str, float] = {}
    for plate, folders in reading.folders.items():
        near = {place for folder in folders for place in (folder, folder.rpartition("/")[0])}
        found = [info.pixel_um for info in side if info.pixel_um and info.path.rpartition("/")[0] in near]
        size = spec.pixel_um or (found[0] if found else None)
        if size is not None:
            sizes[plate] = size
    return sizes


def _select(
    images: Sequence[NamedImage], plates: Sequence[str] | None, wells: Sequence[str] | None
) -> Sequence[NamedImage]:
    if plates:
        known = sorted({image.plate for image in images})
        unknown = [plate for plate in plates if plate not in known]
        if unknown:
            raise InputError(f"--plates: no plate {unknown[0]} here; there are {', '.join(known[:12])}")
        images = [image for image in images if image.plate in set(plates)]
    if wells:
        wanted: set[WellName] = {parse_well(well) for well in wells}
        images = [image for image in images if image.well in wanted]
        if not images:
            raise InputError(f"--wells: none of {', '.join(sorted(wanted)[:12])} is on the plates")
    return images


def _own_tables(spec: DatasetSpec | None, home: Path) -> Sequence[Path]:
    return (home / spec.metadata,) if spec is not None and spec.metadata is not None else ()


def _join_labels(reading: Reading, tables: Sequence[Path], images: Sequence[NamedImage]) -> Labels:
    """Join tables to all wells, then keep those that are looked at: what was left out on purpose is no gap."""
    every = {(image.plate, image.well) for image in reading.images}
    looked_at = {(image.plate, image.well) for image in images}
    labels = join_metadata(tables, [(plate, well) for plate, well in sorted(every)], reading.aliases)
    keep = [key in looked_at for key in zip(labels.frame[schema.PLATE], labels.frame[schema.WELL], strict=True)]
    return Labels(labels.frame[keep].reset_index(drop=True), labels.notes)
