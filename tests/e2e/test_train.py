"""From plates to a trained, evaluated run and its predictions, through the command line."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch

from kinfast import schema
from kinfast.cli import main
from kinfast.cli.main import run as run_command

Command = Callable[..., tuple[int, str, str]]
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


@pytest.fixture
def kinfast(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command in this process; give its exit code, stdout and stderr."""

    def call(*words: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            run_command([str(word) for word in words])
        said = capsys.readouterr()
        return int(stop.value.code or 0), said.out, said.err

    return call


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


@pytest.fixture(scope="module")
def trained(prepared: Path) -> Path:
    with pytest.raises(SystemExit) as stop:
        run_command(
            ["train", str(prepared), *SHORT, "--out", str(prepared.parent / "run"), "--quiet", "--threads", "1"]
        )
    assert not stop.value.code
    return prepared.parent / "run"


def test_the_path_is_the_last_line_and_the_scores_stand_above(kinfast: Command, prepared: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    code, said, progress = kinfast("train", prepared, *SHORT, "--folds", "2", "--out", out, "--threads", "1")
    assert code == 0
    lines = said.splitlines()
    assert lines[-1] == str(out)
    assert lines[0].startswith("test part")
    assert any(line.startswith("balanced accuracy") for line in lines)
    assert "2 classes of Metadata_Role (sites)" in progress
    assert "split by well, as asked" in progress
    assert "in the head)" in progress
    assert {"metrics.json", "predictions.parquet", "model.safetensors", "split.parquet"} <= {
        p.name for p in out.iterdir()
    }


def test_the_store_and_the_run_have_default_names(
    kinfast: Command, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "prepared").symlink_to(prepared)
    monkeypatch.chdir(tmp_path)
    code, said, _ = kinfast("train", *SHORT, "--quiet", "--threads", "1")
    run = Path(said.splitlines()[-1])
    assert code == 0
    assert run.parent == Path("runs")
    assert run.name.endswith("-lenet_alexnet-1")
    assert (run / "metrics.json").is_file()


def test_a_finished_run_predicts_plates(kinfast: Command, trained: Path, prepared: Path, tmp_path: Path) -> None:
    out, features = tmp_path / "p.parquet", tmp_path / "e.npz"
    code, said, _ = kinfast(
        "predict", trained, prepared, "--out", out, "--embeddings", features, "--quiet", "--device", "cpu"
    )
    assert (code, said.splitlines()[-1]) == (0, str(out))
    table = pd.read_parquet(out)
    assert len(table) == len(pd.read_parquet(prepared / "sites.parquet"))
    assert {*schema.KEY, "probability_negcon", "probability_trt", "logit_trt", "predicted"} <= set(table.columns)
    assert features.is_file()


def test_resume_of_a_finished_run_changes_nothing(kinfast: Command, trained: Path) -> None:
    before = pd.read_parquet(trained / "predictions.parquet")
    code, said, _ = kinfast("train", "--resume", trained, "--quiet", "--threads", "1")
    assert (code, said.splitlines()[-1]) == (0, str(trained))
    pd.testing.assert_frame_equal(pd.read_parquet(trained / "predictions.parquet"), before, check_exact=True)


def test_augmentation_can_be_switched_off(kinfast: Command, prepared: Path, tmp_path: Path) -> None:
    words = ["--no-augment", "--rotation", "30", "--head", "thesis", "--optimizer", "rmsprop", "--amp"]
    code, _, _ = kinfast("train", prepared, *SHORT, *words, "--out", tmp_path / "run", "--quiet", "--threads", "1")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert code == 0
    assert (config["flip"], config["rotation_degrees"], config["brightness"]) == (False, 0.0, 0.0)
    assert (config["head"], config["loss"], config["precision"]) == ("thesis", "binary_cross_entropy", "bfloat16")


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
