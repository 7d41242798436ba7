"""The frame of the command line: exit codes, one-line errors, help."""

import re
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest

from kinfast.cli import main
from kinfast.errors import InputError


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main.run(list(words))
    return int(stop.value.code or 0)


def install(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Make `kinfast fail` a command that raises the error."""
    module = ModuleType("fail")

    def command() -> None:
        """Fail."""
        raise error

    module.command = command  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "kinfast.cli.fail", module)
    monkeypatch.setattr(main, "COMMANDS", ("fail", "doctor"))


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (InputError("found x, wanted y"), 2, "kinfast: found x, wanted y"),
        (FileNotFoundError(2, "No such file or directory", "plates"), 2, "No such file or directory: 'plates'"),
        (ZeroDivisionError("division by zero"), 70, "internal error"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException, code: int, text: str
) -> None:
    install(monkeypatch, error)
    assert run("fail") == code
    said = capsys.readouterr().err
    assert text in said
    assert said.count("\n") == 1
    assert "Traceback" not in said


def test_notes_of_an_error_are_on_its_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    error = InputError("strip 3 is cut off")
    error.add_note("P1 B02 s1 DNA")
    install(monkeypatch, error)
    assert run("fail") == 2
    assert capsys.readouterr().err == "kinfast: strip 3 is cut off (P1 B02 s1 DNA)\n"


def test_usage_errors_exit_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("nonsense") == 2
    assert "nonsense" in capsys.readouterr().err


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", capsys.readouterr().out)


@pytest.mark.parametrize("name", main.COMMANDS)
def test_every_command_has_help_with_an_example(name: str, capsys: pytest.CaptureFixture[Any]) -> None:
    assert run(name, "--help") == 0
    shown = capsys.readouterr().out
    assert f"kinfast {name}" in shown
    assert "Example" in shown
    assert "--debug" in shown


@pytest.mark.parametrize(("loaded", "said"), [("torch", "thrown away\n"), ("pandas", "")])
def test_garbage_is_thrown_away_where_bindings_of_pytorch_would_count_it(loaded: str, said: str) -> None:
    """Stands in for PyTorch's compiler, which prints what is left at Python's end."""
    program = f"""
import sys, types
from kinfast.cli.main import run
sys.modules.setdefault("{loaded}", types.ModuleType("{loaded}"))
class Left:
    def __init__(self): self.me = self
    def __del__(self): print("thrown away")
Left()
run(["--version"])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines(keepends=True)[1:] == ([said] if said else [])
