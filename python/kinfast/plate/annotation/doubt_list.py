"""What was in doubt while annotating: each doubt once, with the first places where it occurs."""

from collections import defaultdict

from kinfast.plate.annotation.corrections import Doubt

LISTED = 5


class DoubtList:
    """Remembers what was in doubt, and where."""

    def __init__(self) -> None:
        self._doubts: dict[tuple[str, str], Doubt] = {}
        self._where: dict[tuple[str, str], list[str]] = defaultdict(list)

    def add(self, kind: str, found: str, where: str, problem: str, candidates: str = "") -> None:
        """Note a doubt; of one that is known, the place alone."""
        self._doubts.setdefault((kind, found), Doubt(kind, found, problem=problem, candidates=candidates))
        self._where[(kind, found)].append(where)

    def all(self) -> list[Doubt]:
        """Give what was in doubt, each with where it occurs."""
        found = []
        for key, doubt in self._doubts.items():
            places = list(dict.fromkeys(self._where[key]))
            more = f" and {len(places) - LISTED} more" if len(places) > LISTED else ""
            found.append(
                Doubt(doubt.kind, doubt.found, ", ".join(places[:LISTED]) + more, doubt.problem, doubt.candidates)
            )
        return found
