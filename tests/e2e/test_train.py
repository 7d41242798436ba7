"""From plates to a trained, evaluated run and its predictions, through the command line."""

import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
import torch
from tests.e2e.conftest import Command

from kinfast import schema
from kinfast.cli import main
from kinfast.cli.main import run as run_command
from kinfast.config import TrainConfig

SMALL = [
    "--backbone",
    "lenet_alexnet",
    "--weights",
    "none",
    "--input-size",
    "32",
    "--batch-size",
    "8",
    "--device",
    "cpu",
]
SHORT = [*SMALL, "--task", "role", "--split-by", "well", "--loader", "torch", "--epochs", "2", "--steps-per-epoch", "2"]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("journey")
    torch.set_num_threads(1)
    simulated = ["simulate", "plates", "--plates", "1", "--wells", "16", "--sites", "2", "--size", "96", "--cells", "8"]
    planted = ["--dark", "0", "--blank", "0", "--empty", "0", "--blurred", "0", "--saturated", "0", "--debris", "0"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for words in ([*simulated, *planted, "--quiet"], ["preprocess", "plates", "--size", "48", "--quiet"]):
            with pytest.raises(SystemExit) as stop:
                run_command(words)
            assert not stop.value.code
    return root / "prepared"


@dataclass(frozen=True)
class Trained:
    """A run made by the bare names: `kinfast train` beside `prepared/`, and what it said."""

    run: Path
    stdout: list[str]
    stderr: str


@pytest.fixture(scope="module")
def trained(prepared: Path) -> Trained:
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(prepared.parent)
        with pytest.raises(SystemExit) as stop:
            run_command(["train", *SHORT, "--folds", "2", "--threads", "1"])
    assert not stop.value.code
    lines = out.getvalue().splitlines()
    return Trained(prepared.parent / lines[-1], lines, err.getvalue())


def test_the_path_is_the_last_line_and_the_scores_stand_above(trained: Trained) -> None:
    assert trained.run.parent.name == "runs"
    assert trained.run.name.endswith("-lenet_alexnet-1")
    assert trained.stdout[0].split()[0] == "wells"
    assert {"model", "prior"} <= {line.split()[0] for line in trained.stdout if line}
    report, following = trained.stdout[-3:-1]
    assert report == f"report: {trained.stdout[-1]}/report.html"
    assert following.startswith(f"next: kinfast predict {trained.stdout[-1]} ")
    files = {path.name for path in trained.run.iterdir()}
    assert {"metrics.json", "report.html", "predictions.parquet", "model.safetensors", "split.parquet"} <= files


def test_what_it_does_is_said_before_it_is_done(trained: Trained) -> None:
    said = " ".join(trained.stderr.split())
    assert "2 classes of Metadata_Role (sites)" in said
    assert "split by well, as asked" in said
    assert "fold 1: train" in said
    assert said.index("in the head)") < said.index("fold 0 epoch 1/2")


def test_a_finished_run_predicts_plates(kinfast: Command, trained: Trained, prepared: Path, tmp_path: Path) -> None:
    out, features = tmp_path / "p.parquet", tmp_path / "e.npz"
    code, said, _ = kinfast(
        "predict", trained.run, prepared, "--out", out, "--embeddings", features, "--quiet", "--device", "cpu"
    )
    assert (code, said.splitlines()[-1]) == (0, str(out))
    table = pd.read_parquet(out)
    assert len(table) == len(pd.read_parquet(prepared / "sites.parquet"))
    assert {*schema.KEY, "probability_negcon", "probability_trt", "logit_trt", "predicted"} <= set(table.columns)
    assert {"p_value_negcon", "p_value_trt", "set_90", "out_of_distribution"} <= set(table.columns)
    assert table["p_value_trt"].between(0, 1).all()
    assert table["out_of_distribution"].dtype == bool
    assert features.is_file()


def test_resume_of_a_finished_run_changes_nothing(
    kinfast: Command, trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kinfast.report.run.write_report", lambda *_, **__: None)  # drawn once already, and slowly
    before = pd.read_parquet(trained.run / "predictions.parquet")
    code, said, err = kinfast("train", "--resume", trained.run, *SMALL, "--epochs", "9", "--profile", "--threads", "1")
    assert (code, said.splitlines()[-1]) == (0, str(trained.run))
    assert "not read, the run goes on as it was begun: --epochs, --profile\n" in err
    pd.testing.assert_frame_equal(pd.read_parquet(trained.run / "predictions.parquet"), before, check_exact=True)


def asked_for(kinfast: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *words: str | Path) -> TrainConfig:
    """Catch what the command would train with."""
    caught: list[TrainConfig] = []

    def catch(store: object, config: TrainConfig, out: Path, **_: object) -> None:
        caught.append(config)
        out.mkdir(parents=True)
        (out / "config.json").touch()  # begun, so that there is something to go on with
        raise KeyboardInterrupt

    monkeypatch.setattr("kinfast.train.run.train", catch)
    monkeypatch.chdir(tmp_path)
    code, _, err = kinfast("train", *words)
    assert code == 130
    assert err.splitlines()[-1].startswith("interrupted; this goes on where it stopped: kinfast train --resume runs/")
    return caught[0]


def test_the_bare_command_has_the_defaults(
    kinfast: Command, prepared: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert asked_for(kinfast, monkeypatch, tmp_path, prepared) == TrainConfig()


def test_options_arrive(kinfast: Command, prepared: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    words = [
        "--classes",
        '"VEGrFR,Src",mTOR',
        "--composites",
        "MiCoPh, DNA+RNA",
        "--scale",
        "0.8",
        "1.25",
        "--rotation",
        "30",
    ]
    config = asked_for(
        kinfast, monkeypatch, tmp_path, prepared, *words, "--no-flip", "--no-class-weights", "--lr", "0.5"
    )
    assert config.classes == ("VEGrFR,Src", "mTOR")
    assert config.composites == ("MiCoPh", "DNA+RNA")
    assert (config.scale, config.rotation_degrees, config.flip) == ((0.8, 1.25), 30.0, False)
    assert (config.class_weights, config.learning_rate) == (False, 0.5)


def test_augmentation_can_be_switched_off(
    kinfast: Command, prepared: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = asked_for(kinfast, monkeypatch, tmp_path, prepared, "--no-augment")
    assert (config.flip, config.quarter_turns, config.rotation_degrees, config.noise) == (False, False, 0.0, 0.0)
    assert (config.brightness, config.contrast, config.scale) == (0.0, 0.0, (1.0, 1.0))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--backbone", "vgg61"], "no backbone 'vgg61'"),
        (["--weights", "absent.pth"], "no weights file absent.pth"),
        (["--task", "kinase"], "task 'kinase' is unknown"),
        (["--composites", "MiCoPh,NoSuch"], "composite 'NoSuch' cannot be built"),
        (["--task", "compound", "--split-by", "compound"], "classes are the compounds themselves"),
        (["--input-size", "64"], "input size 64 does not fit"),
        (["--split-by", "image"], "allow"),
        (["--no-augment", "--rotation", "30"], "--no-augment and --rotation contradict each other"),
        (["--no-augment", "--mixup", "0.2"], "--no-augment and --mixup contradict each other"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_2(
    kinfast: Command, prepared: Path, tmp_path: Path, words: list[str], said: str
) -> None:
    code, out, err = kinfast("train", prepared, *SHORT, *words, "--out", tmp_path / "run", "--quiet")
    assert (code, out) == (2, "")
    assert said in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_no_store_is_one_line(kinfast: Command, tmp_path: Path) -> None:
    code, out, err = kinfast("train", tmp_path / "nothing")
    assert (code, out) == (2, "")
    assert "no prepared store" in err
    assert len(err.splitlines()) == 1


def test_the_bare_command_without_a_network_says_what_to_do(
    kinfast: Command, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    # a proxy that nobody serves: no name is looked up and no packet leaves
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    code, out, err = kinfast("train", prepared, "--backbone", "vgg16", "--amp", "--out", tmp_path / "run", "--quiet")
    assert (code, out) == (2, "")
    assert "--weights none" in err
    assert "--weights FILE" in err
    assert len(err.splitlines()) == 1


def test_both_commands_are_listed() -> None:
    assert {"train", "predict"} <= set(main.COMMANDS)
