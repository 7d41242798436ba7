"""`lr-test`, `sweep`, `study`, `reproduce` and `compare` by their command lines: what lands, what a rerun trains."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.e2e.conftest import Command

from kinfast.studies.recipes import list_recipes

SMALL = {
    "backbone": "lenet_alexnet", "weights": "none", "input_size": "24", "batch_size": "8", "device": "cpu",
    "loader": "torch", "epochs": "1", "steps_per_epoch": "2", "task": "role", "split_by": "well",
}  # fmt: skip
QUIET = ("--threads", "1", "--quiet")


def settings(**changes: str) -> list[str]:
    """Spell the small run, with changes, as --set words."""
    return [word for name, value in (SMALL | changes).items() for word in ("--set", f"{name}={value}")]


@dataclass
class Trainings:
    """What was trained, in order; the run of number `stop_at` is interrupted before it begins."""

    begun: list[str] = field(default_factory=list)
    resumed: list[str] = field(default_factory=list)
    stop_at: int = 0


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> Trainings:
    """Watch real trainings through the one door that all studies use."""
    from kinfast.train import run as training

    train, resume, seen = training.train, training.resume, Trainings()

    def watched(store: Any, config: Any, out: Path, **how: Any) -> Path:
        seen.begun.append(out.name)
        if len(seen.begun) == seen.stop_at:
            raise KeyboardInterrupt
        return train(store, config, out, **how)

    def watched_again(store: Any, run: Path, **how: Any) -> Path:
        seen.resumed.append(run.name)
        return resume(store, run, **how)

    monkeypatch.setattr(training, "train", watched)
    monkeypatch.setattr(training, "resume", watched_again)
    return seen


@pytest.fixture
def stop_drawing(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Switch off what takes longer than the runs, once it was seen to be drawn."""

    def place(_: object, folder: Path, name: str) -> None:
        (folder / f"{name}.svg").touch()

    def switch() -> None:
        for module in ("rates", "sweep_report", "study_report"):
            monkeypatch.setattr(f"kinfast.studies.{module}.save_figure", place)

    return switch


def refused(kinfast: Command, *words: str | Path) -> str:
    """Give the one line of a command that cannot be done."""
    code, out, err = kinfast(*words)
    assert (code, out) == (2, ""), err
    (line,) = err.splitlines()
    assert line.startswith("kinfast: ")
    return str(line)


def test_the_range_test_leaves_curve_figure_and_suggestion(
    kinfast: Command, prepared: Path, tmp_path: Path, stop_drawing: Callable[[], None]
) -> None:
    out = tmp_path / "rates"
    words = ["lr-test", prepared, *settings(), "--out", out, *QUIET]
    ends = ["--steps", "12", "--start", "1e-5", "--end", "1e-1"]
    code, said, err = kinfast(*words, *ends)
    assert (code, err) == (0, "")
    assert said.splitlines()[-1] == str(out / "lr_test.png")
    curve = pd.read_csv(out / "lr_test.csv")
    assert list(curve.columns) == ["backbone", "learning_rate", "loss", "smoothed_loss"]
    assert set(curve["backbone"]) == {"lenet_alexnet"}
    # rises by one factor, (1e-1 / 1e-5)^(1/11), and ends early only where the loss blows up
    assert curve["learning_rate"].iloc[0] == pytest.approx(1e-5)
    assert (curve["learning_rate"].pct_change().dropna() + 1).to_numpy() == pytest.approx(10 ** (4 / 11))
    row = pd.read_csv(out / "lr_suggestions.csv").iloc[0]
    assert row["suggestion"] == pytest.approx(min(row["steepest"], row["lowest"] / 10))
    assert f"{row['suggestion']:.1e}" in said
    assert (out / "lr_test.png").stat().st_size > 0
    before = (out / "lr_test.csv").read_bytes()
    stop_drawing()
    assert kinfast(*words, *ends)[0] == 0
    assert (out / "lr_test.csv").read_bytes() == before


def test_a_range_test_that_cannot_be_made_is_one_line(kinfast: Command, prepared: Path, tmp_path: Path) -> None:
    words = ["lr-test", "--weights", "none", "--out", tmp_path / "rates", *QUIET]
    assert "no backbone 'vgg61'" in refused(kinfast, *words, prepared, "--backbone", "vgg61")
    assert "no prepared store" in refused(kinfast, *words, tmp_path / "nothing")
    assert "no option 'epoch'" in refused(kinfast, *words, prepared, "--set", "epoch=2")
    assert "wanted a rising range" in refused(kinfast, *words, prepared, "--start", "1", "--end", "0.1")
    assert not (tmp_path / "rates").exists()


def test_an_interrupted_grid_goes_on_and_is_compared(
    kinfast: Command, prepared: Path, tmp_path: Path, trainings: Trainings, stop_drawing: Callable[[], None]
) -> None:
    out = tmp_path / "sweep"
    words = ["sweep", prepared, "--grid", "lr=1e-5,1e-2", *settings(), "--metric", "loss", "--out", out, *QUIET]
    trainings.stop_at = 2
    code, said, err = kinfast(*words)
    assert (code, said) == (130, "")
    assert err == "interrupted: what is finished is kept, the same command goes on from there\n"
    assert not (out / "report.html").exists()
    code, said, _ = kinfast(*words)
    assert code == 0
    assert trainings.begun == ["lr=1e-05", "lr=0.01", "lr=0.01"]
    assert said.splitlines()[-1] == str(out / "report.html")

    table = pd.read_csv(out / "sweep.csv")
    assert set(table["run"]) == {"lr=1e-05", "lr=0.01"}
    assert list(table["rank"]) == [1, 2]
    assert table["validation_loss"].is_monotonic_increasing
    best = str(table["run"][0])
    assert f"Best by validation loss, {table['validation_loss'][0]:.4f}: {best}." in said
    lines = (out / "runs" / best / "history.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["validation_loss"] == pytest.approx(table["validation_loss"][0])
    config = json.loads((out / "runs" / best / "config.json").read_text())
    assert f"lr={config['learning_rate']:g}" == best
    assert {"sweep.json", "sweep.png", "sweep.md", "report.html"} <= {path.name for path in out.iterdir()}

    stop_drawing()
    kept = (out / "sweep.csv").read_bytes()
    assert kinfast(*words)[0] == 0
    assert (len(trainings.begun), trainings.resumed) == (3, [])
    assert (out / "sweep.csv").read_bytes() == kept
    assert "holds another sweep (dropout differ)" in refused(kinfast, *words, "--set", "dropout=0.1")
    assert "holds another sweep (space differ)" in refused(kinfast, *words, "--grid", "dropout=0.1,0.2")

    check_comparison(kinfast, out / "runs/lr=1e-05", out / "runs/lr=0.01", tmp_path / "compare")


def check_comparison(kinfast: Command, one: Path, other: Path, out: Path) -> None:
    """Compare two finished runs: differences are those of the scores, and of the settings the rate alone."""
    words = ["compare", one, other, "--draws", "20", "--out", out, "--quiet"]
    code, said, err = kinfast(*words)
    assert (code, err) == (0, "")
    assert said.splitlines()[-1] == str(out / "compare.json")
    found = json.loads((out / "compare.json").read_text())
    (pair,) = found["pairs"]
    assert (pair["first"], pair["second"], list(pair["differs"])) == (one.name, other.name, ["learning_rate"])
    first, second = (run["test"][found["level"]]["roc_auc_macro"]["value"] for run in found["runs"])
    gap = pair["differences"]["roc_auc_macro"]
    assert gap["value"] == pytest.approx(first - second)
    assert gap["low"] <= gap["value"] <= gap["high"]
    raw = pd.read_csv(out / "tables/differences.csv")
    assert set(raw["first"]) == {one.name}
    assert (out / "figures/comparison.png").is_file()
    assert "1 run: wanted two or more" in refused(kinfast, "compare", one, "--out", out)
    assert "a run is named twice" in refused(kinfast, "compare", one, one, "--out", out)
    assert "holds no predictions.parquet" in refused(kinfast, "compare", one, out / "nothing", "--out", out)


def test_optunas_sweep_takes_more_trials_and_trains_none_twice(
    kinfast: Command, prepared: Path, tmp_path: Path, trainings: Trainings, stop_drawing: Callable[[], None]
) -> None:
    pytest.importorskip("optuna")
    stop_drawing()
    out = tmp_path / "sweep"
    words = ["sweep", prepared, "--range", "lr=1e-4..1e-2", *settings(), "--metric", "loss", "--out", out, *QUIET]
    assert kinfast(*words, "--trials", "1")[0] == 0
    code, _, err = kinfast(*words, "--trials", "2")
    assert (code, err) == (0, "")
    rows = json.loads((out / "trials.json").read_text())
    assert [row["name"] for row in rows] == trainings.begun
    assert [row["number"] for row in rows] == [1, 2]
    assert all(1e-4 <= row["changes"]["learning_rate"] <= 1e-2 for row in rows)
    table = pd.read_csv(out / "sweep.csv")
    assert sorted(table["run"]) == sorted(trainings.begun)
    for row in rows:
        config = json.loads((out / "runs" / row["name"] / "config.json").read_text())
        assert config["learning_rate"] == row["changes"]["learning_rate"]
    assert "holds another sweep (seed differ)" in refused(kinfast, *words, "--trials", "2", "--seed", "1")


def test_a_sweep_that_cannot_be_made_leaves_its_folder_free(
    kinfast: Command, prepared: Path, tmp_path: Path, trainings: Trainings, stop_drawing: Callable[[], None]
) -> None:
    stop_drawing()
    words = ["sweep", "--metric", "loss", "--out", tmp_path / "sweep", *QUIET]
    small = [*settings(), "--grid", "dropout=0.1"]
    assert "no prepared store" in refused(kinfast, *words, tmp_path / "nothing", *small)
    assert "no backbone 'vgg61'" in refused(kinfast, *words, prepared, *small, "--set", "backbone=vgg61")
    assert "nothing varies" in refused(kinfast, *words, prepared, *settings())
    ranged = [*words, prepared, *settings(backbone="vgg61"), "--range", "lr=1e-4..1e-2", "--trials", "1"]
    if (tried := kinfast(*ranged))[0] == 2:  # with or without Optuna: refused, and nothing in the way
        assert "no backbone 'vgg61'" in tried[2] or "needs Optuna" in tried[2]
    code, _, err = kinfast(*words, prepared, *small)
    assert (code, err) == (0, "")
    assert trainings.begun[-1] == "dropout=0.1"
    assert not (tmp_path / "sweep/trials.json").exists()
    other = tmp_path / "other"
    other.mkdir()
    (other / "notes.txt").touch()
    assert "is not empty and holds no sweep" in refused(kinfast, "sweep", prepared, *small, "--out", other)


def test_a_study_of_optimisers_lands_and_takes_one_more_seed(
    kinfast: Command, prepared: Path, tmp_path: Path, trainings: Trainings, stop_drawing: Callable[[], None]
) -> None:
    out = tmp_path / "study"
    asked = ["study", "optimizers", prepared, "--optimizers", "adam,sgd", *settings(), "--out", out, *QUIET]
    words = [*asked, "--rates", "1e-3"]
    code, said, err = kinfast(*words, "--seeds", "1")
    assert (code, err) == (0, "")
    assert said.splitlines()[-1] == str(out / "report.html")
    assert trainings.begun == ["adam-lr=0.001", "sgd-lr=0.001", "adam-seed1", "sgd-seed1"]
    stop_drawing()
    assert kinfast(*words, "--seeds", "2")[0] == 0
    assert (trainings.begun[4:], trainings.resumed) == (["adam-seed2", "sgd-seed2"], [])
    arms, seeds = (pd.read_csv(out / f"tables/{name}.csv") for name in ("arms", "seeds"))
    assert list(arms["arm"]) == ["adam", "sgd"]
    assert set(arms["learning_rate"]) == {1e-3}
    for name in ("train", "test", "gap"):
        means = seeds.groupby("arm")[name].mean()
        assert arms.set_index("arm")[f"{name}_value"].to_dict() == pytest.approx(means.to_dict())
    assert seeds["gap"].to_numpy() == pytest.approx((seeds["train"] - seeds["test"]).to_numpy())
    for arm, seed in zip(seeds["arm"], seeds["seed"], strict=True):
        config = json.loads((out / f"runs/{arm}-seed{seed}/config.json").read_text())
        assert (config["optimizer"], config["seed"]) == (arm, seed)
    assert {path.name for path in out.iterdir()} >= {"study.json", "gaps.png", "report.html"}
    assert "holds another study (rates differ)" in refused(kinfast, *asked, "--rates", "1e-2")
    assert len(trainings.begun) == 6
    assert "too few epochs" in said


def test_a_study_that_cannot_be_made_is_one_line(kinfast: Command, prepared: Path, tmp_path: Path) -> None:
    words = ["--rates", "1e-3", "--seeds", "1", "--out", tmp_path / "study", *QUIET]
    assert "wanted optimizers or streams" in refused(kinfast, "study", "colours", prepared)
    assert "no metric 'luck'" in refused(kinfast, "study", "optimizers", prepared, "--metric", "luck")
    asked = ["study", "optimizers", prepared, "--optimizers", "adamm,sgdd", *settings(), *words]
    assert "adamm: every rate failed, first adamm-lr=0.001: no optimizer 'adamm'" in refused(kinfast, *asked)
    nowhere = ["study", "optimizers", tmp_path / "nothing", *settings(), *words]
    assert "no prepared store" in refused(kinfast, *nowhere)
    assert not (tmp_path / "study/runs").exists()


def test_the_recipes_are_listed(kinfast: Command) -> None:
    code, said, err = kinfast("reproduce", "--list")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in said.splitlines()] == [recipe.name for recipe in list_recipes()]
    (line,) = [line for line in said.splitlines() if line.startswith("thesis-3.8-vgg16-sgd ")]
    assert "vgg16 imagenet MiCoPh+MiSyHo sgd 0.0001, batch 32, target" in line


def test_a_recipe_runs_with_its_own_settings_and_once(
    kinfast: Command, prepared: Path, tmp_path: Path, trainings: Trainings, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Path] = []
    monkeypatch.setattr("kinfast.report.run.write_report", lambda run, **_: drawn.append(run))  # drawn elsewhere
    out = tmp_path / "one"
    small = {name: SMALL[name] for name in ("input_size", "batch_size", "device", "loader", "epochs")}
    changes = [f"{name}={value}" for name, value in small.items()] + ["composites=one", "plates=P0"]
    words = ["reproduce", "thesis-3.5-one-plate", prepared, "--out", out, *QUIET]
    words += [word for change in changes for word in ("--set", change)]
    code, said, err = kinfast(*words)
    assert (code, said.splitlines(), err) == (0, [str(out)], "")
    recipe, config = (json.loads((out / name).read_text()) for name in ("recipe.json", "config.json"))
    assert (recipe["section"], recipe["changes"]) == ("3.5", changes)
    assert (config["optimizer"], config["learning_rate"], config["split_by"]) == ("rmsprop", 1e-4, "image")
    assert (config["epochs"], [stream["name"] for stream in config["streams"]]) == (1, ["one"])
    table = pd.read_parquet(out / "predictions.parquet")
    assert set(table.loc[table["part"] != "unlabelled", "Metadata_Plate"]) == {"P0"}
    assert "test" in json.loads((out / "metrics.json").read_text())
    kept = (out / "predictions.parquet").stat().st_mtime_ns
    monkeypatch.setattr("kinfast.evaluate.run.evaluate_run", lambda *_, **__: None)
    assert kinfast(*words)[0] == 0
    assert (trainings.begun, trainings.resumed, drawn) == (["one"], [], [out, out])
    assert (out / "predictions.parquet").stat().st_mtime_ns == kept
    assert "was begun with another epochs" in refused(kinfast, *words, "--set", "epochs=2")


def test_what_cannot_be_reproduced_is_one_line(kinfast: Command, prepared: Path, tmp_path: Path) -> None:
    assert "reproduce --list shows the recipes" in refused(kinfast, "reproduce")
    assert "no recipe 'thesis-9'" in refused(kinfast, "reproduce", "thesis-9", prepared)
    words = ["reproduce", "thesis-3.5-one-plate", "--out", tmp_path / "one", *QUIET]
    assert "no prepared store" in refused(kinfast, *words, tmp_path / "nothing")
    assert "input size 224 does not fit" in refused(kinfast, *words, prepared)
    assert "no scale 'huge'" in refused(kinfast, "reproduce", "table1", prepared, "--scale", "huge")
    assert "--set changes one recipe" in refused(kinfast, "reproduce", "table1", "--set", "epochs=1")
    assert not (tmp_path / "one").exists()
