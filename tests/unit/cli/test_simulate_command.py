"""`kinfast simulate`: options become settings, and the demonstration names the options that it stands for."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from kinfast.cli import demo
from kinfast.cli.main import build_app, run
from kinfast.simulate import run as simulator
from kinfast.simulate.settings import SimulationSettings


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[SimulationSettings]:
    """Catch the settings instead of simulating."""
    caught: list[SimulationSettings] = []

    def catch(root: Path, settings: SimulationSettings, *rest: object, overwrite: bool) -> SimpleNamespace:
        caught.append(settings)
        return SimpleNamespace(sites=(), compounds=())

    monkeypatch.setattr(simulator, "simulate_plates", catch)
    return caught


def simulate(*words: str) -> int:
    return CliRunner().invoke(build_app(), ["simulate", "plates", "--quiet", *words]).exit_code


def test_no_option_is_the_default_settings(asked: list[SimulationSettings]) -> None:
    assert simulate() == 0
    assert asked == [SimulationSettings()]


def test_options_reach_the_settings(asked: list[SimulationSettings]) -> None:
    words = "--size 520x696 --doses-um 10,1 --dark-counts 60,60 --broken 3 --compression lzw --predictor --blank 0"
    assert simulate(*words.split()) == 0
    wanted = {"height": 520, "width": 696, "doses_um": (10.0, 1.0), "dark_counts": (60.0, 60.0), "broken": 3}
    assert asked == [SimulationSettings(**wanted, compression="lzw", predictor=True, blank=0)]  # type: ignore[arg-type]


def test_the_demo_says_the_options_that_simulate_needs(asked: list[SimulationSettings]) -> None:
    settings = demo.simulation(5)
    assert simulate(*demo.simulate_options(settings)) == 0
    assert asked == [settings]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--size", "big"], "--size is 'big': wanted pixels such as 512"),
        (["--dark-counts", "50"], "wanted two numbers, such as 50,250"),
        (["--doses-um", "ten"], "wanted numbers with commas between"),
    ],
)
def test_what_cannot_be_read_is_one_line(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        run(["simulate", "plates", *words])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
