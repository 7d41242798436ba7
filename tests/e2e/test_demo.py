"""The demonstration, at a size for tests: the whole journey, and closing lines that tell the truth."""

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from kinfast.cli import demo
from kinfast.cli.demo_findings import field_error
from kinfast.cli.main import build_app


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shrink the demonstration: 80 sites of 96 pixels, one short epoch, few draws."""
    full = demo.simulation
    monkeypatch.setattr(
        demo,
        "simulation",
        lambda seed: dataclasses.replace(
            full(seed), wells=20, sites=2, height=96, width=96, pixel_um=2.0, cells=14, doses_um=(10.0,),
            blurred=1, saturated=1, debris=1,
        ),
    )  # fmt: skip
    monkeypatch.setattr(demo, "PREPROCESS", dataclasses.replace(demo.PREPROCESS, shorter_side=48))
    monkeypatch.setattr(
        demo,
        "TRAIN",
        dataclasses.replace(demo.TRAIN, input_size=None, epochs=1, steps_per_epoch=2, batch_size=4, views=1),
    )
    monkeypatch.setattr(demo, "DRAWS", 20)


@pytest.mark.slow
@pytest.mark.usefixtures("tiny")
def test_the_demo_goes_the_whole_way(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    first = CliRunner().invoke(build_app(), ["demo", "--out", str(out), "--threads", "2", "--quiet"])
    assert first.exit_code == 0, first.output
    assert "7 broken files" in first.stdout
    assert "7 in quarantine" in first.stdout
    for condition in ("dark", "blank"):
        assert f"4 {condition} sites{'':{26 - len(condition) - 8}}4 flagged" in first.stdout
    assert "macro ROC AUC" in first.stdout
    assert len(pd.read_csv(out / "prepared/quarantine.csv")) == 7
    reports = list((out / "runs").glob("*/report.html"))
    assert len(reports) == 1
    assert str(reports[0]) in first.stdout
    short = [line for line in first.stdout.splitlines() if str(out) not in line]  # a path is as long as it is
    assert max(map(len, short)) <= 80
    assert cv2.imread(str(out / "panel.png")).std() > 10


def test_field_error_is_zero_for_the_truth_and_known_for_a_tilt() -> None:
    x = np.linspace(-1, 1, 128)
    planted = np.broadcast_to(1 + 0.2 * x, (96, 128))
    assert field_error(planted * 3, planted) == pytest.approx(0, abs=1e-6)
    flat = np.ones((48, 64))
    wanted = np.sqrt(np.mean((1 / planted - 1) ** 2))
    assert field_error(flat, planted) == pytest.approx(wanted, rel=1e-6)
