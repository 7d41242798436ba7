"""The shipped table of kinase targets: which word means which target, and its group of the kinome (K-06)."""

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from kinfast.plate.annotation.spelling import normalise_text, spelled_key
from kinfast.plate.shipped import shipped_folder

KINASES = "kinases.csv"
NON_KINASE = "non-kinase"
UNKNOWN = "unknown"
SEVERAL = "several groups"
_SYMBOL = re.compile(r"^[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)?$|^C\d+orf\d+$")
_TAIL = re.compile(r"\s+(?:family|receptors?|kinases?|inhibitors?|proteins?)$")


@dataclass(frozen=True, slots=True)
class KinaseTarget:
    """One row of the table.

    Attributes:
        target: the name that a class gets.
        group: TK, TKL, STE, CK1, AGC, CAMK, CMGC, other, atypical, lipid, non-kinase; unknown for words like `Others`.
        family: within the group; may be empty.
        genes: HGNC symbols.
        words: other spellings in libraries.
    """

    target: str
    group: str
    family: str
    genes: tuple[str, ...]
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KinaseTable:
    """The table, and what its words mean.

    Attributes:
        rows: by target.
        genes: symbol -> target.
        exact: word, lower case -> names that it may mean (a target, or a gene's symbol).
        keys: the same by `spelled_key`.
    """

    rows: Mapping[str, KinaseTarget]
    genes: Mapping[str, str]
    exact: Mapping[str, frozenset[str]]
    keys: Mapping[str, frozenset[str]]

    def read(self, word: str, symbols: bool = False) -> frozenset[str]:
        """Give the names that a word may mean: none where it is unknown, several where it is ambiguous.

        Args:
            word: such as VEGrFR, cKit, Aurora kinase, KDR.
            symbols: True where the word comes from a column of gene symbols: then a symbol means the gene, and one that
                is not in the table is a gene that is no kinase.
        """
        plain = normalise_text(word)
        if symbols and (plain in self.genes or _SYMBOL.match(plain)):
            return frozenset({plain})
        spelled = plain.lower()
        while True:
            key = spelled_key(spelled)
            found = self.exact.get(spelled) or (self.keys.get(key) if key else None)
            shorter = _TAIL.sub("", spelled)
            if found or shorter == spelled:
                return found or frozenset()
            spelled = shorter

    def group(self, name: str) -> str:
        """Give the group of a target's name or a gene's symbol; a symbol that the table lacks is no kinase's."""
        target = name if name in self.rows else self.genes.get(name)
        if target is not None:
            return self.rows[target].group
        return NON_KINASE if _SYMBOL.match(name) else UNKNOWN

    def groups(self, names: Iterable[str]) -> tuple[str, ...]:
        """Give the groups of several names, sorted, each once."""
        return tuple(sorted({self.group(name) for name in names}))


@cache
def kinase_table() -> KinaseTable:
    """Read the shipped table."""
    text = (shipped_folder() / KINASES).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    rows = [
        KinaseTarget(
            r["target"], r["group"], r["family"], tuple(r["genes"].split()), tuple(filter(None, r["words"].split("|")))
        )
        for r in csv.DictReader(lines)
    ]
    genes = {gene: row.target for row in rows for gene in row.genes}
    exact: dict[str, set[str]] = defaultdict(set)
    keys: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        for word in (row.target, *row.words):
            exact[normalise_text(word).lower()].add(row.target)
            keys[spelled_key(word)].add(row.target)
    for row in rows:
        for gene in row.genes:
            # a symbol that is also a word for its own target means the target: EGFR, BTK
            name = row.target if row.target in exact.get(gene.lower(), ()) else gene
            exact[gene.lower()].add(name)
            keys[spelled_key(gene)].add(name)
    return KinaseTable(
        {row.target: row for row in rows},
        genes,
        {word: frozenset(names) for word, names in exact.items()},
        {word: frozenset(names) for word, names in keys.items()},
    )
