"""docs/data.md is a program that runs."""

import re
from pathlib import Path

import pytest

from kinfast.data.store import PreparedStore

PAGE = Path(__file__).parents[3] / "docs/data.md"


def test_the_page_runs_from_top_to_bottom(
    store: PreparedStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(store.root.parent)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    assert len(blocks) >= 8
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    said = capsys.readouterr().out
    assert "('EGFR', 'VEGrFR,Src', 'control')" in said
    assert "train and test share 0 wells, 0 compounds" in said
    assert "('flat', 'round')" in said
