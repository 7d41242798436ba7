"""Numbers with their nouns."""


def counted(n: int, noun: str) -> str:
    """Say how many: 0 files, 1 file, 2,000 files."""
    return f"{n:,} {noun}{'s' * (n != 1)}"
