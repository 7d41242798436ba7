"""What a command line of `kinfast train` comes to."""

import inspect
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from kinfast import launch
from kinfast.cli import main, train
from kinfast.cli.train_request import as_begun, requested_config, said_how_to_go_on
from kinfast.errors import RankError, SaidInterrupt
from kinfast.train.folder import CONFIG, write_json


@pytest.fixture
def asked(tmp_path: Path) -> dict[str, Any]:
    """A command's options, all but --out by default."""
    options = {name: option.default for name, option in inspect.signature(train.command).parameters.items()}
    return options | {"out": tmp_path / "run"}


def begin(asked: dict[str, Any]) -> None:
    asked["out"].mkdir()
    write_json({"asked": asdict(requested_config(asked))}, asked["out"] / CONFIG)


def test_the_same_command_in_torchruns_next_life_goes_on(
    asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(asked)
    assert as_begun(asked) == asked
    monkeypatch.setenv(launch.LIFE, "1")
    assert as_begun(asked)["resume"] == asked["out"]
    assert as_begun(asked | {"seed": 8}) == asked | {"seed": 8}  # another run lies there: refused, as without torchrun
    assert as_begun(asked | {"out": None}) == asked | {"out": None}


def test_the_command_that_goes_on_is_said_where_there_is_a_run(
    asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def go(error: BaseException) -> BaseException:
        with pytest.raises(type(error)), said_how_to_go_on(lambda: asked["out"]):
            raise error
        return error

    go(KeyboardInterrupt())
    assert not hasattr(go(RankError("gone")), "__notes__")
    begin(asked)
    with pytest.raises(SaidInterrupt) as said, said_how_to_go_on(lambda: asked["out"]):
        raise KeyboardInterrupt
    assert said.value.code == main.EXIT_INTERRUPTED
    how = f"kinfast train --resume {asked['out']}"
    assert capsys.readouterr().err == f"interrupted; this goes on where it stopped: {how}\n"
    monkeypatch.setattr(launch, "one_of_several", lambda: True)
    monkeypatch.setattr(launch, "rank", lambda: 1)
    assert go(RankError("gone")).__notes__ == [f"this goes on from the last checkpoint: torchrun … -m {how}"]
    go(KeyboardInterrupt())
    assert capsys.readouterr().err == ""
