"""A run as one file: what other programs compute with it is what `predict` says."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kinfast.cli.main import run as run_command
from kinfast.config import TrainConfig
from kinfast.data.store import PreparedStore
from kinfast.errors import RunError, UsageError
from kinfast.models import build_model
from kinfast.train import folder, train
from kinfast.train.finished import export
from kinfast.train.finished.apply import predict
from kinfast.train.finished.export import export_run, run_hash

TWO = np.array([5, 11])
PROBABILITIES = ["probability_negcon", "probability_poscon"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, write_store: Callable[..., PreparedStore]) -> PreparedStore:
    """Images of 80 pixels: four views of 64."""
    return write_store(tmp_path_factory.mktemp("wide") / "prepared", wells=12, side=80)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, store: PreparedStore, quick: TrainConfig) -> Path:
    """Two folds of a small network of two streams."""
    config = replace(quick, composites=("two", "one"), epochs=1, steps_per_epoch=2, input_size=64)
    return train(store, config, tmp_path_factory.mktemp("run") / "r")


def of_mobilenets(trained: Path, path: Path, streams: int) -> Path:
    """Write a run like another one, but of untrained MobileNetV2: what a network has learnt is not the point here."""
    content = folder.read_config(trained)
    content |= {"backbone": "mobilenet_v2", "folds": 1, "streams": content["streams"][:streams]}
    torch.manual_seed(0)
    model = build_model("mobilenet_v2", (3,) * streams, 2)
    path.mkdir()
    folder.write_json(content, path / folder.CONFIG)
    folder.write_weights({0: model.state_dict()}, path / folder.WEIGHTS)
    return path


def replace_rows(store: PreparedStore, rows: np.ndarray) -> PreparedStore:
    """Give a store of some of its sites."""
    sites = store.sites.iloc[rows].reset_index(drop=True)
    return replace(store, sites=sites, _file_codes=store._file_codes[rows], _indices=store._indices[rows])


def ask(path: Path, sites: np.ndarray) -> np.ndarray:
    """Ask a file as a person without kinfast does: probabilities."""
    if path.suffix == ".onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        return session.run(["probabilities"], {"sites": sites})[0]
    return torch.export.load(path).module()(torch.from_numpy(sites))[1].numpy()


def read_metadata(path: Path) -> dict[str, Any]:
    if path.suffix == ".onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        return json.loads(session.get_modelmeta().custom_metadata_map["kinfast"])
    found = {"kinfast.json": ""}
    torch.export.load(path, extra_files=found)
    return json.loads(found["kinfast.json"])


@pytest.mark.slow  # tracing takes seconds a stream; two streams in both formats are tried with a small network below
@pytest.mark.parametrize(("kind", "streams"), [("onnx", 2), ("torch", 1)])
def test_mobilenet_says_what_predict_says(
    trained: Path, store: PreparedStore, tmp_path: Path, kind: str, streams: int
) -> None:
    run = of_mobilenets(trained, tmp_path / "r", streams)
    made = export_run(run, store, tmp_path / "out/model", kind)
    assert made.largest is not None
    assert made.largest[1] <= made.allowed[1] < 1e-4
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["model"]
    said = ask((tmp_path / "out/model").rename(tmp_path / f"m{export.SUFFIXES[kind]}"), store.gather(TWO, np.arange(3)))
    some = replace_rows(store, TWO)
    # other sites than those that were compared: what float32 explains there it explains here
    wanted = predict(run, some, device="cpu", loader="torch")[PROBABILITIES]
    np.testing.assert_allclose(said, wanted, atol=made.allowed[1], rtol=0)


def test_folds_are_averaged_or_one_is_taken(trained: Path, store: PreparedStore, tmp_path: Path) -> None:
    files = {fold: tmp_path / f"{fold}.onnx" for fold in (None, 0, 1)}
    made = [export_run(trained, store, path, fold=fold) for fold, path in files.items()]
    assert [one.folds for one in made] == [(0, 1), (0,), (1,)]
    predicted = predict(trained, store, device="cpu", loader="torch")
    images = store.gather(np.arange(len(store.sites)), np.arange(3))
    said = [ask(path, images) for path in files.values()]
    np.testing.assert_allclose(said[0], predicted[PROBABILITIES], atol=made[0].allowed[1], rtol=0)
    np.testing.assert_allclose(said[0], (said[1] + said[2]) / 2, atol=made[0].allowed[1], rtol=0)
    assert np.abs(said[1] - said[2]).max() > 100 * made[0].allowed[1]


@pytest.mark.parametrize("kind", ["onnx", "torch"])
def test_what_it_takes_and_came_from_is_in_the_file(
    trained: Path, store: PreparedStore, tmp_path: Path, kind: str
) -> None:
    whole = tmp_path / f"m{export.SUFFIXES[kind]}"
    made = export_run(trained, store, whole, kind)
    assert made.largest is not None
    assert made.largest[1] <= made.allowed[1] < 1e-4
    found = read_metadata(whole)
    assert found["classes"] == ["negcon", "poscon"]
    assert found["input"] == {
        "name": "sites", "dtype": "uint8", "shape": ["batch", 80, 80, 3], "channels": ["DNA", "RNA", "ER"],
    }  # fmt: skip
    assert found["streams"][0] == {"name": "two", "channels": ["ER", "DNA", "RNA"]}
    assert (found["input_size"], found["views"]) == (64, [[0, 0], [0, 16], [16, 0], [16, 16]])
    assert found["run_hash"] == run_hash(trained)


def test_a_file_that_says_something_else_gets_no_name(
    trained: Path, store: PreparedStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A channel exchanged on the way: nothing that the exporter itself would notice."""
    write = export.write_onnx

    def exchange(module: Any, *rest: Any) -> None:
        module._positions = [channels[::-1] for channels in module._positions]
        write(module, *rest)

    monkeypatch.setattr(export, "write_onnx", exchange)
    with pytest.raises(RunError, match=r"differs from PyTorch by .* no file was left"):
        export_run(trained, store, tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())


def test_the_command_prints_path_and_difference(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        run_command(["export", str(trained), "--fold", "1", "--threads", "1"])
    said = capsys.readouterr()
    assert (stop.value.code or 0, said.out) == (0, "r-fold1.onnx\n")
    assert (tmp_path / "r-fold1.onnx").is_file()
    assert re.search(r"largest difference to PyTorch: \S+ in logits, \S+ in probabilities", said.err)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--format", "tflite"], "format 'tflite' is unknown: wanted onnx, torch"),
        (["--fold", "2"], "no fold 2: the run has 2, of which the first is 0"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    trained: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    with pytest.raises(SystemExit) as stop:
        run_command(["export", str(trained), *words, "--quiet"])
    err = capsys.readouterr().err
    assert stop.value.code == 2
    assert said in err
    assert len(err.splitlines()) == 1


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=re.escape("pip install 'kinfast[export]', or ask for --format torch")):
        export.check_kind("onnx")
    export.check_kind("torch")
