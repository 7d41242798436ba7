"""docs/train.md: its program runs, and its options exist."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import typer

from kinfast.cli.main import build_app
from kinfast.data.store import PreparedStore

PAGE = (Path(__file__).parents[3] / "docs/train.md").read_text(encoding="utf-8")


OTHERS = re.compile(r"python -m benchmarks|torchrun|kinfast sweep")
"""Lines with the options of other commands."""


def test_the_program_runs(
    write_store: Callable[..., PreparedStore], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_store(tmp_path / "prepared", wells=12, side=64)
    monkeypatch.chdir(tmp_path)
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    names: dict[str, object] = {}
    # the smallest network stands in, for speed
    exec(compile(program.replace("mobilenet_v2", "lenet_alexnet"), "docs/train.md", "exec"), names)
    assert (tmp_path / "runs/mine/metrics.json").is_file()
    assert names["run"] == Path("runs/mine")
    assert torch.get_num_threads() == 1  # train() gives back the threads that it took


def test_every_option_that_it_names_exists() -> None:
    commands = typer.main.get_command(build_app(("train", "predict"))).commands.values()  # type: ignore[attr-defined]
    known = {word for one in commands for option in one.params for word in (*option.opts, *option.secondary_opts)}
    own = "\n".join(line for line in PAGE.splitlines() if not OTHERS.search(line))
    named = set(re.findall(r"--[a-z][a-z-]+", own))
    assert len(named) > 25
    assert named - known == {"--help"}
