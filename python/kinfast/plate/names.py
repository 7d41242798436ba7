"""By which convention the names of a tree are read: the one asked for, a LoadData table, or the best pattern."""

from dataclasses import dataclass
from pathlib import Path

from kinfast.errors import ConventionError
from kinfast.plate.conventions import Convention, load_convention, shipped_conventions
from kinfast.plate.discovery import Tree, choose_convention, sample_files, score_conventions
from kinfast.plate.loaddata import LOADDATA, LoadData, find_tables, read_loaddata
from kinfast.plate.plate_set import ConventionScore
from kinfast.plate.reading import Reading, read_tree


@dataclass(frozen=True, slots=True)
class Names:
    """A tree read by one convention.

    Attributes:
        reading: its images.
        convention: the name of the one that was taken.
        side_files: names of the microscope's own tables.
        scores: of all conventions, best first.
        named: True where the channels' tokens are names already.
    """

    reading: Reading
    convention: str
    side_files: tuple[str, ...]
    scores: tuple[ConventionScore, ...]
    named: bool


def read_names(tree: Tree, name: str | None) -> Names:
    """Read the tree by the convention asked for, else by a LoadData table or the pattern that reads the most.

    Raises:
        ConventionError: the one asked for reads nothing here; or none does, or two do equally well.
    """
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


def _by_pattern(tree: Tree, rules: Convention, scores: tuple[ConventionScore, ...]) -> Names:
    return Names(read_tree(tree, rules), rules.name, rules.side_files, scores, False)


def _by_table(listed: LoadData, scores: tuple[ConventionScore, ...]) -> Names:
    best = ConventionScore(LOADDATA, listed.share)
    if not listed.reading.images:
        raise ConventionError(f"{', '.join(listed.tables)}: none of the images that it lists is on disk here")
    return Names(listed.reading, LOADDATA, (), (best, *scores), True)


def _check_fit(tree: Tree, rules: Convention) -> tuple[ConventionScore, ...]:
    """Score the convention asked for among the others; it must read something."""
    files = sample_files(tree)
    others = [other for other in shipped_conventions() if other.name != rules.name]
    scores = score_conventions(files, [rules, *others])
    if not any(score.name == rules.name and score.share > 0 for score in scores):
        example = "/".join(part for part in files[len(files) // 2] if part)
        raise ConventionError(f"convention {rules.name} reads no name here; one of them is {example}")
    return scores
