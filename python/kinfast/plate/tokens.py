"""The small words in names of files: channel tokens, and their natural order (2 before 10)."""

import re

_DIGITS = re.compile(r"(\d+)")
_NUMBERED = re.compile(r"^(?:w|c|ch|channel|wavelength)?[ _-]?0*(\d+)$")


def normal_token(token: str) -> str:
    """Bring a channel's token to one spelling: w1, ch01 and Channel1 are "1"; words are kept as they are."""
    word = token.strip()
    number = _NUMBERED.match(word.lower())
    return number[1] if number else word


def same_token(token: str) -> str:
    """Give what two spellings of one token share: case, blanks, underscores and hyphens do not count."""
    return re.sub(r"[\s_\-/]+", "", normal_token(token).lower())


def natural_key(text: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key under which s2 comes before s10, and digits before letters."""
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in _DIGITS.split(text.lower()) if part)
