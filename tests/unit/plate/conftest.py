"""Trees of empty files: what this room reads are names."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

MakeTree = Callable[[Iterable[str]], Path]


@pytest.fixture
def make_tree(tmp_path: Path) -> MakeTree:
    """Make a folder `screen` of empty files from their relative paths."""

    def make(paths: Iterable[str]) -> Path:
        root = tmp_path / "screen"
        root.mkdir(exist_ok=True)
        for path in paths:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).touch()
        return root

    return make
