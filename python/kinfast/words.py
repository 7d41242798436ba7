"""Numbers with their nouns and units, and lists of words."""

import csv


def counted(n: int, noun: str) -> str:
    """Say how many: 0 files, 1 file, 2,000 files."""
    return f"{n:,} {noun}{'s' * (n != 1)}"


def duration(seconds: float) -> str:
    """Say how long: 12 s, 40 min, 2.5 h."""
    if seconds < 90:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def csv_words(text: str) -> tuple[str, ...]:
    """Read words as one CSV row: `"VEGrFR,Src",mTOR` is two."""
    return tuple(word.strip() for word in next(csv.reader([text], skipinitialspace=True), []) if word.strip())
