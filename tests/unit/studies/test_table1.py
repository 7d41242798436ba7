"""Table 1 made again, with a stand-in for training: the layout, the thesis' numbers beside ours, resuming."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from kinfast.config import TrainConfig
from kinfast.errors import UsageError
from kinfast.studies import scale as scales
from kinfast.studies import table1
from kinfast.studies.scale import FULL, SMALL
from kinfast.studies.thesis import PLACES


def skill(config: TrainConfig) -> dict[str, float]:
    slow = config.optimizer == "sgd" and config.learning_rate == 1e-4
    return {"train": 3.0, "validation": 2.0, "test": 0.2 if slow else 2.0, "fall": 0.95 if slow else 0.3}


@pytest.fixture(scope="module")
def made(fake: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, Path]:
    trainer, out = fake(skill), tmp_path_factory.mktemp("table1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table1, "write_local_weights", lambda backbone, path: path)
        done = table1.reproduce_table1(out, out, scale="small", threads=1, trainer=trainer)
    return done, trainer, out


def test_all_tables_and_figures_are_written(made: tuple[Any, Any, Path]) -> None:
    done, trainer, out = made
    assert len(trainer.trained) == 18 + 2 + 6
    assert {path.name for path in (out / "figures").glob("*.png")} == {f"figure{n}.png" for n in range(5, 12)}
    for name in ("table1", "table1_honest", "table2", "table3"):
        assert {path.suffix for path in (out / "tables").glob(f"{name}.*")} == {".csv", ".md", ".tex", ".html", ".txt"}
    page = done.page.read_text()
    assert page.count("<figure") == 7
    assert 'src="http' not in page


def test_table_1_has_the_thesis_layout_and_its_numbers(made: tuple[Any, Any, Path]) -> None:
    _, _, out = made
    raw = pd.read_csv(out / "tables/table1.csv")
    assert len(raw) == 18
    one = raw[(raw["backbone"] == "resnet50") & (raw["input"] == "two") & (raw["mode"] == "adam")].iloc[0]
    assert one["thesis"] == 0.939
    assert one["low"] <= one["value"] <= one["high"]
    text = (out / "tables/table1.md").read_text()
    assert "MiCoPh and MiSyHo: Pretrained SGD (lr=1e-4)" in text
    assert "MiCoPh and SyHoPh: Pretrained SGD (lr=0.01)" in text
    assert "(0.499)" in text
    rows = [line for line in text.splitlines() if line.startswith("| ResNet50")]
    assert len(rows) == 1
    assert rows[0].count("(0.") == 6


def test_the_honest_table_says_what_the_thesis_does_not(made: tuple[Any, Any, Path]) -> None:
    done, _, out = made
    raw = pd.read_csv(out / "tables/table1_honest.csv")
    assert set(raw["metric"]) >= {"binary_accuracy", "roc_auc_micro", "roc_auc_macro", "balanced_accuracy"}
    assert set(raw["split"]) == {"well", "compound"}
    prior = raw[raw["metric"] == "roc_auc_macro"]["prior"]
    assert (prior == 0.5).all()
    slow = raw[(raw["mode"] == "sgd") & (raw["input"] == "one")]
    assert not slow["converged"].any()
    assert raw[raw["mode"] == "adam"]["converged"].all()
    assert any("SGD 1e-4 has not converged in 3 of 3 runs" in line for line in done.lines)


def test_tables_2_and_3_stand_beside_the_thesis(made: tuple[Any, Any, Path]) -> None:
    _, _, out = made
    raw = pd.read_csv(out / "tables/table3.csv")
    assert len(raw) == 3 * 10
    scratch = raw[raw["mode"] == "adam-scratch"]
    assert scratch["thesis_roc_auc"].min() == 0.025908
    ours = raw[(raw["mode"] == "sgd") & (raw["part"] == "lowest")]["roc_auc"].dropna()
    assert ours.is_monotonic_increasing


def test_nothing_is_trained_twice(made: tuple[Any, Any, Path], fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table1, "write_local_weights", lambda backbone, path: path)
    monkeypatch.setattr(table1, "save_figure", lambda *_: None)  # drawn once already, and slowly
    _, _, out = made
    again = fake(skill)
    before = (out / "tables/table1.csv").read_bytes()
    table1.reproduce_table1(out, out, scale="small", threads=1, trainer=again)
    assert again.trained == []
    assert (out / "tables/table1.csv").read_bytes() == before


def test_the_scales_say_what_is_trained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(table1, "write_local_weights", lambda backbone, path: path)
    full = {cell.name: cell.config for cell in table1.make_cells(FULL, tmp_path)}
    small = {cell.name: cell.config for cell in table1.make_cells(SMALL, tmp_path)}
    assert len(full) == 2 * 18 + 6
    assert full["thesis-3.8-vgg16-sgd"].weights == "imagenet"
    assert small["thesis-3.8-vgg16-sgd"].weights == str(tmp_path / "weights/vgg16.safetensors")
    assert small["thesis-3.8-vgg16-adam-scratch"].weights == "none"
    assert {config.input_size for config in small.values()} == {48}
    assert full["thesis-3.9-vgg16-adam-compound"] == replace(full["thesis-3.9-vgg16-adam"], split_by="compound")
    assert {place.recipe for place in PLACES} <= set(small)
    assert small["thesis-3.9-vgg16-sgd"].epochs > small["thesis-3.8-vgg16-sgd"].epochs


def test_a_failed_run_and_a_missing_store_are_one_line(fake: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(table1, "write_local_weights", lambda backbone, path: path)
    with pytest.raises(UsageError, match="26 of 26 runs failed"):
        table1.reproduce_table1(
            tmp_path, tmp_path / "o", scale="small", threads=1, trainer=fake(lambda _: {"error": 1})
        )
    with pytest.raises(UsageError, match="give the prepared store"):
        table1.reproduce_table1(None, tmp_path / "o", scale="full", threads=1)
    with pytest.raises(UsageError, match="no scale 'huge'"):
        table1.find_scale("huge")


def test_local_weights_are_the_same_each_time_and_have_no_top(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    one = load_file(scales.write_local_weights("mobilenet_v2", tmp_path / "a.safetensors"))
    two = load_file(scales.write_local_weights("mobilenet_v2", tmp_path / "b.safetensors"))
    assert all(bool((one[name] == two[name]).all()) for name in two)
    assert not any(name.startswith("classifier") for name in one)
