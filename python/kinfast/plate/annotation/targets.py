"""A cell of targets read as a set (K-05): `VEGrFR,Src,Raf,Bcr-Abl`, `ATM/ATR`, `a|b`, full-width brackets, mojibake."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from kinfast.plate.annotation.kinases import UNKNOWN, KinaseTable, kinase_table
from kinfast.plate.annotation.spelling import is_spoilt, normalise_text

SEPARATOR = "|"
OPEN = "?"
"""In the place of a name: there may be more targets. After a name: it may be one."""
_DIVIDERS = re.compile(r"\s*[,;|+&、\n]\s*|\s+and\s+|\s*/\s*")
_INHIBITOR = re.compile(r"^(?P<head>.+?)\s+(?:inhibitors?|antagonists?|blockers?)$", re.IGNORECASE)
_NUMBERED = re.compile(r"^(?P<stem>[A-Za-z-]*[A-Za-z-])(?P<number>\d+)$")
LIKE = 0.8
"""Similarity (difflib's ratio) from which a known name is offered for an unknown one."""


@dataclass(frozen=True, slots=True)
class TargetSet:
    """What a cell of targets says.

    Attributes:
        names: known targets and genes, sorted, each once.
        unknown: words that mean nothing known.
        ambiguous: (word, what it may mean).
        possible: names with a ? behind them: not known to be targets, nor not to be.
        open: whether the set may be incomplete, by a lone ? or a word that could not be read.
    """

    names: tuple[str, ...]
    unknown: tuple[str, ...] = ()
    ambiguous: tuple[tuple[str, tuple[str, ...]], ...] = ()
    possible: tuple[str, ...] = ()
    open: bool = False

    @property
    def text(self) -> str:
        """The set in one spelling, as kinfast writes it: the names, unknown words as they are, between |."""
        words = [*self.names, *self.unknown, *(word for word, _ in self.ambiguous)]
        more = [OPEN] if self.open and not self.unknown and not self.ambiguous else []
        return SEPARATOR.join([*sorted(set(words)), *(f"{name}{OPEN}" for name in self.possible), *more])


def parse_targets(cell: str, *, symbols: bool = False, table: KinaseTable | None = None) -> TargetSet:
    """Read a cell of targets.

    Args:
        cell: as it stands in a table, or as `TargetSet.text` wrote it.
        symbols: whether its column holds gene symbols.
        table: of kinases; by default the shipped one.
    """
    known = table or kinase_table()
    whole = normalise_text(cell)
    meant = frozenset() if re.search(r"[,;|?()]", whole) else known.read(whole, symbols)
    if len(meant) == 1:  # such as TGF-beta/Smad, MEK1/2: one name in spite of its stroke
        return _settle([(whole, meant)], known, False)
    read: list[tuple[str, frozenset[str]]] = []
    possible: set[str] = set()
    lone = False
    for word in _words(whole):
        if word == OPEN:
            lone = True
        elif word.endswith(OPEN) and known.read(word[:-1], symbols):
            possible |= known.read(word[:-1], symbols)
        else:
            read.append((word, known.read(word, symbols)))
    found = _settle(read, known, lone)
    return TargetSet(
        found.names, found.unknown, found.ambiguous, tuple(sorted(possible - set(found.names))), found.open
    )


def read_mechanism(cell: str) -> tuple[str, ...]:
    """Read the kinases out of a mechanism of action: `DYRK inhibitor, EGFR inhibitor` is DYRK, EGFR.

    What is not an inhibitor of something in the shipped table says nothing about targets, and gives none.
    """
    names: set[str] = set()
    for phrase in re.split(r"[|,;]", normalise_text(cell)):
        found = _INHIBITOR.match(phrase.strip())
        meant = kinase_table().read(found["head"]) if found else frozenset()
        if len(meant) == 1 and kinase_table().group(next(iter(meant))) != UNKNOWN:
            names |= meant
    return tuple(sorted(names))


def are_symbols(cells: Iterable[str]) -> bool:
    """Tell whether a column holds gene symbols, as the repurposing hub's and JUMP's do: nine in ten words are."""
    words = [word for cell in cells for word in _words(normalise_text(cell))]
    short = [word for word in words if re.fullmatch(r"[A-Z][A-Z0-9-]{1,12}|C\d+orf\d+", word)]
    return bool(words) and len(short) >= 0.9 * len(words) and any(map(_NUMBERED.match, short))


def suggest(word: str, table: KinaseTable | None = None) -> tuple[str, ...]:
    """Offer known names that look like an unknown word, the likest first."""
    known = table or kinase_table()
    near = difflib.get_close_matches(normalise_text(word).lower(), list(known.exact), n=3, cutoff=LIKE)
    return tuple(dict.fromkeys(name for spelled in near for name in sorted(known.exact[spelled])))


def _words(text: str) -> list[str]:
    """Divide a cell; a bracket holds more names, `Aurora (A/B)` or `PI3K(mTOR)`."""
    flat = re.sub(r"[()\[\]]", SEPARATOR, text)
    words = [word.strip() for word in _DIVIDERS.split(flat)]
    return [word for word in words if word]


def _settle(read: list[tuple[str, frozenset[str]]], table: KinaseTable, lone: bool) -> TargetSet:
    names: set[str] = set()
    unknown: list[str] = []
    ambiguous: list[tuple[str, tuple[str, ...]]] = []
    for word, meant in read:
        if is_spoilt(word) and not meant:
            unknown.append(word)
        elif len(meant) > 1:
            ambiguous.append((word, tuple(sorted(meant))))
        elif not meant:
            unknown.append(word)
        elif table.group(next(iter(meant))) == UNKNOWN:
            lone = True  # `Others`: said to have targets that nobody names
        else:
            names |= meant
    is_open = lone or bool(unknown) or bool(ambiguous)
    return TargetSet(tuple(sorted(names)), tuple(dict.fromkeys(unknown)), tuple(dict.fromkeys(ambiguous)), open=is_open)
