"""A whole run, and one that was interrupted."""

import importlib.util
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from kinfast import schema
from kinfast.config import TrainConfig
from kinfast.data.store import PreparedStore
from kinfast.errors import RunError, UsageError, WeightsError
from kinfast.progress import Silent
from kinfast.train import resume, train
from kinfast.train.finished.apply import embed_sites, predict
from kinfast.train.limits import memory_in_words


class Interrupting(Silent):
    """Stops the run as Ctrl-C does: when a line begins with `at`, or after so many steps."""

    def __init__(self, at: str | int) -> None:
        self._at = at if isinstance(at, str) else "never"
        self._steps = at if isinstance(at, int) else 10**9

    def advance(self, count: int = 1, note: str = "") -> None:
        self._steps -= 1
        if self._steps == 0:
            raise KeyboardInterrupt

    def line(self, text: str) -> None:
        if text.startswith(self._at):
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def run(learnable: PreparedStore, quick: TrainConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(learnable, quick, tmp_path_factory.mktemp("runs") / "whole")


def read_history(run: Path) -> list[dict[str, object]]:
    rows = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    return [{key: value for key, value in row.items() if key not in ("seconds", "sites_per_second")} for row in rows]


def test_the_folder_holds_what_was_promised(run: Path) -> None:
    assert {path.name for path in run.iterdir()} == {
        "config.json",
        "environment.json",
        "split.parquet",
        "history.jsonl",
        "predictions.parquet",
        "model.safetensors",
        "checkpoints",
        "thumbnails",
    }
    config = json.loads((run / "config.json").read_text())
    assert config["classes"] == ["negcon", "poscon"]
    assert (config["split_by"], config["folds"], config["label"], config["loss"]) == (
        "well",
        2,
        "Metadata_Role",
        "cross_entropy",
    )
    assert config["optimizer_parameters"]["betas"] == [0.9, 0.999]
    assert len(config["split_hash"]) == 16
    environment = json.loads((run / "environment.json").read_text())
    assert environment["versions"]["torch"]
    assert environment["device"] == "cpu"
    assert environment["isa"] in ("scalar", "avx2", "avx512")


def test_predictions_have_a_row_per_site_and_fold(run: Path, learnable: PreparedStore) -> None:
    table = pd.read_parquet(run / "predictions.parquet")
    counts = table.groupby([schema.FOLD, schema.PART]).size().to_dict()
    assert counts[(-1, "unlabelled")] == 12  # the treated sites, once
    assert sum(count for (fold, _), count in counts.items() if fold == 0) == 24
    assert sum(count for (_, part), count in counts.items() if part == "test") == 24  # each labelled site once
    wanted = [*schema.KEY, *schema.LABELS, "Quality_mean_DNA", "fold", "part", "truth"]
    assert set(wanted) <= set(table.columns)
    chances = table[["probability_negcon", "probability_poscon"]].to_numpy()
    np.testing.assert_allclose(chances.sum(axis=1), 1.0, atol=1e-6)
    logits = table.loc[table[schema.FOLD] == -1, "logit_poscon"]
    np.testing.assert_allclose(np.exp(logits), table.loc[logits.index, "probability_poscon"], rtol=1e-5)
    unlabelled = table[schema.PART] == "unlabelled"
    assert table.loc[unlabelled, schema.TRUTH].isna().all()
    assert (table.loc[~unlabelled, schema.TRUTH] == table.loc[~unlabelled, schema.ROLE]).all()


def test_it_learns_what_can_be_learned(learnable: PreparedStore, quick: TrainConfig, tmp_path: Path) -> None:
    run = train(learnable, replace(quick, folds=None, epochs=8, steps_per_epoch=8), tmp_path / "run")
    table = pd.read_parquet(run / "predictions.parquet")
    test = table[table[schema.PART] == "test"]
    positive = test[schema.TRUTH] == "poscon"
    # two levels of brightness nine standard deviations apart: nothing is left to chance
    assert test.loc[positive, "probability_poscon"].min() > test.loc[~positive, "probability_poscon"].max()


# at the end of an epoch, of a fold, of all folds; within the first epoch, and within one of the second fold
@pytest.mark.parametrize("at", ["fold 0 epoch 2/", "fold 0 epoch 3/", "fold 1 epoch 3/", 2, 18])
def test_interrupted_and_resumed_equals_undisturbed(
    run: Path, learnable: PreparedStore, quick: TrainConfig, tmp_path: Path, at: str | int
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(learnable, quick, tmp_path / "run", reporter=Interrupting(at))
    assert not (tmp_path / "run" / "predictions.parquet").exists()
    resumed = resume(learnable, tmp_path / "run")
    assert read_history(resumed) == read_history(run)
    ours, theirs = load_file(resumed / "model.safetensors"), load_file(run / "model.safetensors")
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
    pd.testing.assert_frame_equal(
        pd.read_parquet(resumed / "predictions.parquet"), pd.read_parquet(run / "predictions.parquet"), check_exact=True
    )


def test_the_same_seed_gives_the_same_run_and_another_one_another(
    run: Path, learnable: PreparedStore, quick: TrainConfig, tmp_path: Path
) -> None:
    short = replace(quick, epochs=1)
    runs = [train(learnable, replace(short, seed=seed), tmp_path / f"{i}") for i, seed in enumerate((5, 5, 6))]
    first, second, third = (read_history(path) for path in runs)
    assert first == second
    assert first != third


def test_the_kept_weights_are_the_best_epochs(run: Path) -> None:
    history = pd.DataFrame(read_history(run))
    assert history.groupby("fold")["epoch"].apply(list).tolist() == [[1, 2, 3]] * 2
    assert {"train_loss", "train_top1_accuracy", "validation_loss", "validation_balanced_accuracy"} <= set(history)
    assert history["learning_rate"].between(0, 1e-3).all()


@pytest.mark.skipif(importlib.util.find_spec("nvidia") is None, reason="DALI is not installed")
def test_both_loaders_train_the_same_model(learnable: PreparedStore, quick: TrainConfig, tmp_path: Path) -> None:
    short = replace(quick, folds=None, epochs=2)
    runs = [train(learnable, replace(short, loader=kind), tmp_path / kind) for kind in ("torch", "dali")]
    ours, theirs = (pd.DataFrame(read_history(path)) for path in runs)
    # mirrors and quarter turns move whole pixels; what is left is the rounding of float32 in eight steps
    np.testing.assert_allclose(ours["train_loss"], theirs["train_loss"], rtol=1e-3)
    np.testing.assert_allclose(ours["validation_loss"], theirs["validation_loss"], rtol=1e-3)


def test_training_stops_when_nothing_gets_better(learnable: PreparedStore, quick: TrainConfig, tmp_path: Path) -> None:
    # a rate that changes no weight: the first ripe epoch (a quarter of 40, so the eleventh) stays the best
    still = replace(quick, folds=None, epochs=40, steps_per_epoch=1, patience=2, optimizer="sgd", learning_rate=1e-30)
    run = train(learnable, still, tmp_path / "run")
    assert [row["epoch"] for row in read_history(run)] == list(range(1, 14))


def test_without_a_validation_part_the_last_epoch_is_kept(
    learnable: PreparedStore, quick: TrainConfig, tmp_path: Path
) -> None:
    run = train(learnable, replace(quick, folds=None, validation_fraction=0.0, epochs=2), tmp_path / "run")
    assert [row["epoch"] for row in read_history(run)] == [1, 2]
    assert "validation_loss" not in read_history(run)[0]
    parts = set(pd.read_parquet(run / "predictions.parquet")[schema.PART])
    assert parts == {"train", "test", "unlabelled"}


def test_another_image_size_is_said(run: Path, write_store: Callable[..., PreparedStore], tmp_path: Path) -> None:
    said: list[str] = []

    class Listening(Silent):
        def line(self, text: str) -> None:
            said.append(text)

    larger = write_store(tmp_path / "prepared", wells=3, side=40)
    assert len(predict(run, larger, device="cpu", loader="torch", reporter=Listening())) == 6
    assert said == ["the run was trained on images of 32 × 32 pixels, these have 40 × 40: is a pixel as large?"]


def test_a_run_predicts_any_store_with_its_channels(run: Path, learnable: PreparedStore) -> None:
    table = predict(run, learnable, device="cpu", loader="torch")
    assert len(table) == len(learnable.sites)
    assert table.columns[-1] == "predicted"
    stored = pd.read_parquet(run / "predictions.parquet").query("fold == -1")
    both = stored.merge(table, on=schema.KEY, suffixes=("", "_again"))
    assert len(both) == 12
    # the same mean over the same two models
    np.testing.assert_allclose(both["probability_poscon_again"], both["probability_poscon"], atol=1e-6)


def test_embeddings_lead_to_the_predictions(run: Path, learnable: PreparedStore) -> None:
    folds = embed_sites(run, learnable, device="cpu", loader="torch")
    assert [values.shape for values in folds] == [(36, 256)] * 2  # two streams of 128
    head = {
        name: value for name, value in load_file(run / "model.safetensors").items() if name.startswith("fold1.head")
    }
    logits = folds[1] @ head["fold1.head.1.weight"].numpy().T + head["fold1.head.1.bias"].numpy()
    stored = pd.read_parquet(run / "predictions.parquet").query("fold == 1 and part == 'test'")
    positions = learnable.sites.merge(stored, on=schema.KEY, how="left")["logit_poscon"]
    known = positions.notna().to_numpy()
    # a mean over four views of the features is not one of the probabilities: the same order is what must remain
    assert (
        pd.Series(logits[known, 1] - logits[known, 0]).corr(positions[known].reset_index(drop=True), method="spearman")
        > 0.9
    )


def test_a_used_folder_is_left_alone(run: Path, learnable: PreparedStore, quick: TrainConfig) -> None:
    with pytest.raises(RunError, match="is not empty: give another --out, or go on with it by --resume"):
        train(learnable, quick, run)


def test_another_store_is_not_resumed(run: Path, learnable: PreparedStore) -> None:
    other = replace(learnable, sites=learnable.sites.iloc[:-2].reset_index(drop=True))
    with pytest.raises(RunError, match="was begun with another "):
        resume(other, run)


def test_another_truth_or_other_streams_are_not_resumed(run: Path, learnable: PreparedStore) -> None:
    sites = learnable.sites.copy()
    sites.loc[0, schema.ROLE] = "poscon" if sites.loc[0, schema.ROLE] == "negcon" else "negcon"
    with pytest.raises(RunError, match="begun with another set of labels than"):
        resume(replace(learnable, sites=sites), run)
    swapped = replace(learnable, dataset=learnable.dataset | {"streams": ["two", "one"]})
    with pytest.raises(RunError, match="begun with another choice of streams than"):
        resume(swapped, run)
    backwards = replace(learnable, dataset=learnable.dataset | {"channels": learnable.dataset["channels"][::-1]})
    with pytest.raises(RunError, match="begun with another order of channels than"):
        resume(backwards, run)


def test_nothing_is_resumed_from_an_empty_folder(learnable: PreparedStore, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"is no run: config\.json is missing"):
        resume(learnable, tmp_path)


def test_a_wrong_weights_file_leaves_no_folder(learnable: PreparedStore, quick: TrainConfig, tmp_path: Path) -> None:
    with pytest.raises(WeightsError):
        train(learnable, replace(quick, weights=str(tmp_path / "none.pth")), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_divergence_is_said(learnable: PreparedStore, quick: TrainConfig, tmp_path: Path) -> None:
    wild = replace(quick, optimizer="sgd", learning_rate=1e30, warmup_epochs=0.0, clip_norm=0.0)
    with pytest.raises(UsageError, match=r"training diverged; lower --learning-rate \(now 1e\+30\)"):
        train(learnable, wild, tmp_path / "run")


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"),
        torch.AcceleratorError("CUDA error: out of memory", 2),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("MPS backend out of memory (MPS allocated: 8 GB)"),
    ],
    ids=["host", "torch", "driver", "cuBLAS", "Apple"],
)
def test_a_full_memory_is_said_in_one_line(error: RuntimeError) -> None:
    said = "the memory of cpu does not hold a minibatch: lower --batch-size"
    with pytest.raises(MemoryError, match=said), memory_in_words("cpu", "a minibatch", "lower --batch-size"):
        raise error


def test_other_errors_are_not_of_the_memory() -> None:
    with pytest.raises(RuntimeError, match="shape"), memory_in_words("cpu", "", ""):
        raise RuntimeError("shape mismatch")
