"""Numbers with their nouns."""

import pytest

from kinfast.words import counted


@pytest.mark.parametrize(("n", "said"), [(0, "0 files"), (1, "1 file"), (2000, "2,000 files")])
def test_one_is_no_plural(n: int, said: str) -> None:
    assert counted(n, "file") == said
