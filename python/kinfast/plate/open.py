"""Opening a folder of plates: everything from the names of files to sites with channels and labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kinfast import schema
from kinfast.domain import WellName, parse_well
from kinfast.errors import ConventionError, InputError
from kinfast.plate.audit import audit_plates
from kinfast.plate.channels import map_channels
from kinfast.plate.conventions import Convention, load_convention, shipped_conventions
from kinfast.plate.discovery import Tree, choose_convention, sample_files, scan_tree, score_conventions
from kinfast.plate.layout import lay_out, parse_plane
from kinfast.plate.loaddata import LOADDATA, LoadData, find_tables, read_loaddata
from kinfast.plate.metadata import Labels, join_metadata, names_wells
from kinfast.plate.plate_set import ConventionScore, PlateSet
from kinfast.plate.reading import NamedImage, Reading, read_tree
from kinfast.plate.side_files import SideInfo, read_side_files
from kinfast.plate.specs import DATASET_FILE, DatasetSpec, load_spec, spec_path
from kinfast.plate.tables import read_header
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
    names = _read_names(tree, convention or (chosen.convention if chosen else None))
    reading = names.reading
    side = read_side_files(root, (path for paths in reading.folders.values() for path in paths), names.side_files)
    images = _select(reading.images, plates, wells)
    shown = images if chosen is None else reading.images  # a spec is one for all plates, also when few are taken
    channel_map = map_channels((image.token for image in shown), chosen, channels, _side_channels(side), names.named)
    tables = metadata or _own_tables(chosen, home)
    labels = _join_labels(reading, tables, images)
    layout = lay_out(images, channel_map.spec.channel_names, channel_map.names, plane)
    found = PlateSet(
        root=root,
        spec=channel_map.spec,
        convention=names.convention,
        plates=layout.plates,
        quarantine=layout.quarantine,
        ignored=tuple(sorted((*reading.ignored, *layout.ignored), key=lambda file: file.path)),
        labels=labels.frame,
        notes=(
            *_side_notes(side),
            *reading.notes,
            *channel_map.notes,
            *(labels.notes if tables else _tables_at_hand(tree)),
        ),
        scores=names.scores,
        pixel_um=_pixel_sizes(reading, side, channel_map.spec),
    )
    return replace(found, audit=audit_plates(found))


def _choose_spec(root: Path, name: str | None) -> tuple[DatasetSpec | None, Path]:
    """Give the spec and the folder that its own table is relative to."""
    if name is not None:
        return load_spec(name), spec_path(name).parent
    own = root / DATASET_FILE
    return (load_spec(str(own)), root) if own.is_file() else (None, root)


@dataclass(frozen=True, slots=True)
class _Names:
    """A tree read by one convention."""

    reading: Reading
    convention: str
    side_files: tuple[str, ...]
    scores: tuple[ConventionScore, ...]
    named: bool


def _read_names(tree: Tree, name: str | None) -> _Names:
    """Read the tree by the convention asked for, else by a LoadData table or the pattern that reads the most."""
    if name == LOADDATA or (name is not None and name.lower().endswith(".csv")):
        tables = find_tables(tree) if name == LOADDATA else [Path(name)]
        if not tables:
            raise ConventionError(f"{tree.root}: no LoadData table in it; give its path with --convention TABLE.csv")
        return _by_table(read_loaddata(tree, tables), ())
    if name is not None:
        rules = load_convention(name)
        return _by_pattern(tree, rules, _check_fit(tree, rules))
    files = sample_files(tree)
    scores = score_conventions(files, shipped_conventions())
    tables = find_tables(tree)
    listed = read_loaddata(tree, tables) if tables else None
    if listed is not None and 0 < listed.share >= scores[0].share:  # a table that names the files is a person's word
        return _by_table(listed, scores)
    if listed is not None:
        scores = tuple(sorted((*scores, ConventionScore(LOADDATA, listed.share)), key=lambda score: -score.share))
    return _by_pattern(tree, choose_convention([s for s in scores if s.name != LOADDATA], files), scores)


def _by_pattern(tree: Tree, rules: Convention, scores: tuple[ConventionScore, ...]) -> _Names:
    return _Names(read_tree(tree, rules), rules.name, rules.side_files, scores, False)


def _by_table(listed: LoadData, scores: tuple[ConventionScore, ...]) -> _Names:
    best = ConventionScore(LOADDATA, listed.share)
    if not listed.reading.images:
        raise ConventionError(f"{', '.join(listed.tables)}: none of the images that it lists is on disk here")
    return _Names(listed.reading, LOADDATA, (), (best, *scores), True)


def _check_fit(tree: Tree, rules: Convention) -> tuple[ConventionScore, ...]:
    files = sample_files(tree)
    scores = score_conventions(files, [rules])
    if scores[0].share == 0:
        example = "/".join(part for part in files[len(files) // 2] if part)
        raise ConventionError(f"convention {rules.name} reads no name here; one of them is {example}")
    return scores


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


def _tables_at_hand(tree: Tree) -> list[str]:
    """Point to tables among the images that have a column for the well: nobody has asked for them."""
    found = []
    for folder in tree.folders:
        for name in folder.others:
            if name.lower().endswith((".csv", ".tsv")) and names_wells(read_header(tree.root / folder.path / name)):
                found.append(f"{folder.path}/{name}" if folder.path else name)
    return (
        [f"no labels; a table with a column for the well is here: --metadata {tree.root / found[0]}"] if found else []
    )


def _join_labels(reading: Reading, tables: Sequence[Path], images: Sequence[NamedImage]) -> Labels:
    """Join tables to all wells, then keep those that are looked at: what was left out on purpose is no gap."""
    every = {(image.plate, image.well) for image in reading.images}
    looked_at = {(image.plate, image.well) for image in images}
    labels = join_metadata(tables, [(plate, well) for plate, well in sorted(every)], reading.aliases)
    keep = [key in looked_at for key in zip(labels.frame[schema.PLATE], labels.frame[schema.WELL], strict=True)]
    return Labels(labels.frame[keep].reset_index(drop=True), labels.notes)
