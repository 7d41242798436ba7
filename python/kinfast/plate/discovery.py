"""What lies in a folder of plates: a fast walk, and which convention reads the names."""

import errno
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kinfast.domain import IgnoredFile
from kinfast.errors import ConventionError, InputError
from kinfast.plate.conventions import Convention, common_rules, load_convention
from kinfast.plate.name_reader import NameReader
from kinfast.plate.plate_set import ConventionScore
from kinfast.progress import Reporter, Silent

TIFF_ENDINGS = (".tif", ".tiff")
SAMPLE_FILES = 2000
"""TIFF files, evenly spread over the tree, on which the conventions are scored."""
FALLBACK_BELOW = 0.5
"""Share of names under which the best specific convention gives way to a fallback that reads more."""
HIDDEN = "a hidden file, such as macOS writes beside each image"
MISSPELLED = "its name, or a folder's above it, is not UTF-8 text: rename it"
STORE_FILES = ("dataset.json", "history.jsonl")
"""A folder that holds one of these is kinfast's own result, not a plate …"""
SHARDS = ".plates"
"""… and so is one with this folder: a store that was not finished."""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A TIFF file: name, size in bytes, modification time in nanoseconds."""

    name: str
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder with files: `path` relative to the root, with forward slashes, empty for the root itself."""

    path: str
    tiffs: tuple[FoundFile, ...]
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tree:
    """All that was found under a root, sorted by path."""

    root: Path
    folders: tuple[Folder, ...]
    left_out: tuple[IgnoredFile, ...]

    @property
    def n_tiffs(self) -> int:
        """How many TIFF files may be plate images."""
        return sum(len(folder.tiffs) for folder in self.folders)


def scan_tree(root: Path, reporter: Reporter | None = None) -> Tree:
    """Walk a folder of plates. Hidden folders and kinfast's own results are passed over.

    Raises:
        InputError: there is no such folder, or one below it cannot be listed.
    """
    if not _is_text(str(root)):
        raise InputError(f"{_readable(str(root))}: the folder's name is not UTF-8 text: rename it")
    if not root.is_dir():
        raise InputError(f"{root}: {'is a file' if root.exists() else 'no such folder'}; wanted a folder of plates")
    reporter = reporter or Silent()
    reporter.stage("looking for images", None, "files")
    rules = [(re.compile(rule.pattern, re.IGNORECASE), rule.reason) for rule in common_rules().leave_out]
    folders: list[Folder] = []
    left_out: list[IgnoredFile] = []
    pending: list[tuple[str, str]] = [("", "")]
    seen: set[tuple[int, int]] = set()
    while pending:
        path, reason = pending.pop()
        try:
            folder, subfolders, passed_over = _list_folder(root, path, seen)
        except OSError as error:  # to go on would drop a plate in silence
            raise InputError(
                f"{root / path}: the folder cannot be listed ({error.strerror}): mend its rights or its share, "
                "or move it out of the plates' folder"
            ) from error
        if folder is None:
            continue
        left_out += passed_over
        reporter.advance(len(folder.tiffs))
        if reason:
            names = [file.name for file in folder.tiffs] + list(folder.others)
            left_out += [IgnoredFile(_readable(_join(path, name)), reason) for name in names]
        elif folder.tiffs or folder.others:
            folders.append(folder)
        for name in subfolders:
            why = reason or next((why for pattern, why in rules if pattern.fullmatch(name)), "")
            why = why or ("" if _is_text(name) else MISSPELLED)
            pending.append((_join(path, name), why))
    return Tree(root, tuple(sorted(folders, key=lambda folder: folder.path)), tuple(left_out))


def _list_folder(
    root: Path, path: str, seen: set[tuple[int, int]]
) -> tuple[Folder | None, list[str], list[IgnoredFile]]:
    """Give a folder's files, its subfolders, and what is passed over in it; None where all of it is."""
    passed_over: list[IgnoredFile] = []
    tiffs: list[FoundFile] = []
    others: list[str] = []
    subfolders: list[str] = []
    where = os.path.join(root, path) if path else str(root)  # noqa: PTH118 (no Path objects: 200,000 files)
    identity = os.stat(where)  # noqa: PTH116
    if (identity.st_dev, identity.st_ino) in seen:  # a link that leads back up
        return None, [], []
    seen.add((identity.st_dev, identity.st_ino))
    with os.scandir(where) as entries:
        for entry in entries:
            name = entry.name
            if name.startswith(".") and name != SHARDS:
                passed_over += [IgnoredFile(_readable(_join(path, name)), HIDDEN)] if _is_tiff(name) else []
                continue
            if name == SHARDS:
                return None, [], []
            if _is_folder(entry):
                subfolders.append(name)
            elif not _is_text(name):
                passed_over.append(IgnoredFile(_readable(_join(path, name)), MISSPELLED))
            elif _is_tiff(name):
                tiffs.append(_found(entry))
            else:
                others.append(name)
    if path and any(name in STORE_FILES for name in others):
        return None, [], []
    tiffs.sort(key=lambda file: file.name)
    return Folder(path, tuple(tiffs), tuple(sorted(others))), sorted(subfolders, reverse=True), passed_over


def _is_tiff(name: str) -> bool:
    return name.lower().endswith(TIFF_ENDINGS)


def _is_text(name: str) -> bool:
    """Tell whether a name can be written into a table: on Linux it may be any bytes, such as Latin-1."""
    return name.isascii() or not any("\udc80" <= letter <= "\udcff" for letter in name)


def _readable(path: str) -> str:
    """Spell bytes that are no text as \\xe4, as a shell does."""
    return path if _is_text(path) else os.fsencode(path).decode("utf-8", "backslashreplace")


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError as error:
        if error.errno == errno.ELOOP:  # a link to itself: it leads to nothing, as one to nowhere does
            return False
        raise


def _found(entry: "os.DirEntry[str]") -> FoundFile:
    try:
        status = entry.stat()
    except OSError:  # a link to nowhere: it is listed, and found unreadable when it is decoded
        return FoundFile(entry.name, 0, 0)
    return FoundFile(entry.name, status.st_size, status.st_mtime_ns)


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def sample_files(tree: Tree, count: int = SAMPLE_FILES) -> list[tuple[str, str]]:
    """Take (folder, name) of TIFF files, evenly spread over the tree."""
    total = tree.n_tiffs
    step = max(1, -(-total // count))
    taken, position = [], 0
    for folder in tree.folders:
        taken += [(folder.path, file.name) for file in folder.tiffs[(-position) % step :: step]]
        position += len(folder.tiffs)
    return taken


def score_conventions(
    files: Sequence[tuple[str, str]], conventions: Sequence[Convention]
) -> tuple[ConventionScore, ...]:
    """Score each convention by the share of names that it reads or can explain; best first, fallbacks behind."""
    common = common_rules().explain
    scores = []
    for convention in conventions:
        reader = NameReader(convention)
        explained = [re.compile(rule.pattern, re.IGNORECASE) for rule in (*convention.explain, *common)]
        unread = [name for folder, name in files if reader.match(folder, name) is None]
        known = sum(any(pattern.fullmatch(name) for pattern in explained) for name in unread)
        n_read = len(files) - len(unread)
        share = (n_read + known) / len(files) if n_read else 0.0
        scores.append(ConventionScore(convention.name, share, convention.fallback))
    return tuple(sorted(scores, key=lambda score: (-score.share, score.fallback, score.name)))


def choose_convention(scores: Sequence[ConventionScore], files: Sequence[tuple[str, str]]) -> Convention:
    """Take the convention that reads the most names.

    Raises:
        ConventionError: none reads any, or two read equally many.
    """
    example = _join(*files[len(files) // 2]) if files else ""
    specific = [score for score in scores if not score.fallback and score.share > 0]
    fallback = next((score for score in scores if score.fallback and score.share > 0), None)
    best = specific[0] if specific else None
    if fallback is not None and (best is None or (best.share < FALLBACK_BELOW and fallback.share > best.share)):
        return load_convention(fallback.name)
    if best is None:
        raise ConventionError(
            f"no convention reads names such as {example!r}: tell how they are made with "
            "--convention '{plate}/{well}_s{site}_w{channel}.tif' (words in braces are read), or name one"
        )
    tied = [score.name for score in specific if score.share == best.share]
    if len(tied) > 1:
        raise ConventionError(
            f"{' and '.join(tied)} both read {best.share:.0%} of the names (for example {example!r}): "
            f"say which with --convention {tied[0]}, or give one of the two folders"
        )
    return load_convention(best.name)
