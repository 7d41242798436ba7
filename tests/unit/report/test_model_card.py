"""The model card counts what stands behind each class, and a solvent as no compound."""

from dataclasses import replace
from pathlib import Path

from tests.unit.evaluate.synthetic_run import Layout, make_run

from kinfast.evaluate.run_folder import read_run
from kinfast.report.model_card import _classes, _split, balance_table


def test_controls_are_wells_of_no_compound_and_no_dose(tmp_path: Path) -> None:
    run = read_run(make_run(tmp_path, Layout(n_classes=3, n_plates=1, compounds_per_class=2)))
    balance = balance_table(run).raw
    assert balance["compounds"].tolist() == [0, 2, 2]
    assert balance["doses"].tolist() == [0, 1, 1]
    assert _classes(run, balance).endswith("; 2 of 2 classes of compounds have fewer than 3 of them.")
    named = replace(run, config={**run.config, "label": "Metadata_Compound"})
    assert _classes(named, balance).endswith("; a class is one compound.")


def test_a_second_store_that_was_tested_on_is_named(tmp_path: Path) -> None:
    run = read_run(make_run(tmp_path, Layout(n_classes=3, n_plates=1)))
    about = {"classes_without_test_members": [], "split_by": "well", "n_folds": 1, "compounds": 4}
    about["compounds_also_trained_on"] = 0
    assert "another store" not in _split(run, about)
    assert "tested on another store, b;" in _split(replace(run, config={**run.config, "test_on": "b"}), about)
