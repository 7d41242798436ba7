"""Runs of several labels a site in `predict`, `compare` and `leakage`."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.unit.evaluate.label_run import LABELS, label_run
from tests.unit.evaluate.synthetic_run import Layout, make_run

from kinfast.data.labels import parse_classes
from kinfast.errors import RunError
from kinfast.evaluate.compare import compare_runs
from kinfast.evaluate.conformal import average_units, read_folds
from kinfast.evaluate.explain_sites import choose_sites
from kinfast.evaluate.levels import Level
from kinfast.evaluate.new_sites import judge_new_sites
from kinfast.evaluate.paired import find_common, swap_test
from kinfast.evaluate.run_folder import read_run
from kinfast.metrics.conformal import p_values
from kinfast.report.comparison import write_comparison_report
from kinfast.train.finished.stain_views import choose_donors

PROBABILITIES = [f"probability_{name}" for name in LABELS]


def weaken(run: Path, name: str, seed: int = 0) -> Path:
    """Copy a run with all that it says dealt anew among sites."""
    out = run.parent / name
    out.mkdir()
    table = pd.read_parquet(run / "predictions.parquet")
    order = np.random.default_rng(seed).permutation(len(table))
    table[PROBABILITIES] = table[PROBABILITIES].to_numpy()[order]
    table.to_parquet(out / "predictions.parquet", index=False)
    (out / "config.json").write_text(json.dumps(json.loads((run / "config.json").read_text()) | {"backbone": "vgg16"}))
    return out


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return label_run(tmp_path_factory.mktemp("runs") / "good", folds=1, n_compounds=100)


def test_predictions_get_a_p_value_a_label_and_what_is_sure(run: Path) -> None:
    table = pd.read_parquet(run / "predictions.parquet")
    sites = table[table["part"] == "train"].drop(columns=["part", "fold"]).reset_index(drop=True)
    said, logits = sites[PROBABILITIES].to_numpy(), sites[[f"logit_{name}" for name in LABELS]].to_numpy()
    judged = judge_new_sites(run, sites, sites[["Metadata_Plate", *PROBABILITIES]], [(said, logits)])
    wanted = [*(f"p_value_{name}" for name in LABELS), "sure_90", "set_90", "out_of_distribution"]
    assert judged.table.columns[-7:].tolist() == wanted
    (fold,) = read_folds(read_run(run))
    mine = (sites["Metadata_Compound"] == "CBK" + sites["Metadata_Compound"].str[3:]) & sites["truth_SRC"].eq(1)
    name = sites.loc[mine, "Metadata_Compound"].iloc[0]
    rows = (sites["Metadata_Compound"] == name).to_numpy()
    unit = average_units(said[rows], np.zeros(rows.sum(), int), np.zeros(rows.sum(), int))
    counts = np.bincount(fold.test.codes)
    categories = np.where(counts >= 10, np.arange(len(LABELS)), len(LABELS))
    expected = p_values([fold.test.calibration], [unit.probabilities], categories)[0]
    got = judged.table.loc[rows, [f"p_value_{label}" for label in LABELS]].to_numpy(float)
    np.testing.assert_allclose(got, np.tile(expected, (rows.sum(), 1)), rtol=1e-12)
    held = [set(parse_classes(text)) for text in judged.table["set_90"]]
    assert all({LABELS[c] for c in np.flatnonzero(row >= 0.1)} == kept for row, kept in zip(
        judged.table[[f"p_value_{label}" for label in LABELS]].to_numpy(float), held, strict=True
    ))  # fmt: skip
    # nine in ten of the labels of new compounds are in their sets, and hardly any that they lack is sure
    truths = sites[[f"truth_{label}" for label in LABELS]].to_numpy()
    sure = [set(parse_classes(text)) for text in judged.table["sure_90"]]
    has = [
        label in kept
        for row, kept in zip(truths, held, strict=True)
        for label, t in zip(LABELS, row, strict=True)
        if t == 1
    ]
    wrong = [
        label in kept
        for row, kept in zip(truths, sure, strict=True)
        for label, t in zip(LABELS, row, strict=True)
        if t == 0
    ]
    assert np.mean(has) > 0.75
    assert np.mean(wrong) < 0.25
    assert any(sure)
    assert judged.ranked["predicted"].str.contains("|", regex=False).any()


def test_a_planted_difference_is_found_and_drawn(run: Path, tmp_path: Path) -> None:
    found = compare_runs([run, weaken(run, "weak")], draws=40)
    (pair,) = found["pairs"]
    assert pair["differences"]["roc_auc_macro"]["low"] > 0.1
    assert pair["p"]["roc_auc_macro"] <= 0.05
    assert pair["p"]["balanced_accuracy"] <= 0.05
    assert pair["p"]["top1_accuracy"] is None
    assert "good is better than weak" in found["verdicts"][0]["text"]
    write_comparison_report(found, tmp_path)
    assert list((tmp_path / "figures").glob("*.svg"))


def test_a_run_is_not_told_apart_from_itself_nor_compared_with_one_of_one_class(run: Path, tmp_path: Path) -> None:
    common = find_common([read_run(run), read_run(run)])
    level = common.level("compound", "compound")
    assert isinstance(level, Level)
    assert swap_test(level, *common.probabilities, seed=[0], swaps=20)["roc_auc_macro"] == 1
    other = make_run(tmp_path / "one", Layout(n_classes=5))
    table = pd.read_parquet(other / "predictions.parquet").rename(
        columns={
            f"probability_{a}": f"probability_{b}" for a, b in zip(("control", "family 001,Src"), LABELS, strict=False)
        }
    )
    content = json.loads((other / "config.json").read_text())
    table["truth"] = LABELS[0]
    for name in LABELS:
        table[f"probability_{name}"] = 0.25
    table.to_parquet(other / "predictions.parquet", index=False)
    (other / "config.json").write_text(json.dumps(content | {"classes": list(LABELS)}))
    with pytest.raises(RunError, match=r"several labels a site, .*one class: they cannot be compared"):
        compare_runs([run, other], draws=5)
    hidden = pd.read_parquet(run / "predictions.parquet")
    hidden.loc[hidden["truth_SRC"] == 1, "truth_SRC"] = np.nan
    (tmp_path / "hidden").mkdir()
    hidden.to_parquet(tmp_path / "hidden" / "predictions.parquet", index=False)
    (tmp_path / "hidden" / "config.json").write_bytes((run / "config.json").read_bytes())
    with pytest.raises(RunError, match="another truth"):
        compare_runs([run, tmp_path / "hidden"], draws=5)


def test_each_label_is_explained_by_sites_that_have_it_and_donors_lack_it(run: Path) -> None:
    loaded = read_run(run)
    sites = loaded.table.reset_index(drop=True)
    chosen = choose_sites(loaded, sites, 6)
    assert set(chosen.codes.tolist()) == set(range(len(LABELS)))
    assert chosen.truths is not None
    mine = np.arange(len(chosen.rows))
    assert (chosen.truths[mine, chosen.codes] == 1).all()
    assert (sites.loc[chosen.rows, "part"] == "test").all()
    donors = choose_donors(chosen.plates.astype(object), chosen.others(mine), 5, 0)
    assert (chosen.truths[donors, chosen.codes] == 0).all()
