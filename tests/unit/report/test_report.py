"""The report of a run: complete, self-contained, the same bytes each time."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from tests.unit.evaluate.synthetic_run import Layout, make_run

from kinfast.cli.main import run as kinfast
from kinfast.errors import RunError
from kinfast.evaluate.run import evaluate_run
from kinfast.report.run import write_report

DRAWS = 20
FIGURES = {"standing", "history", "roc", "class_areas", "confusion", "reliability", "activity"}
TABLES = {
    "summary", "folds", "top5", "bottom5", "classes_site", "classes_well", "classes_compound", "confusion",
    "confusions", "parts", "conformal_coverage", "reliability", "next_compounds", "activity",
    "activity_doses", "per_class", "operating_points", "class_spread", "by_plate", "per_compound",
}  # fmt: skip


def report(folder: Path, layout: Layout) -> Path:
    run = make_run(folder, layout)
    evaluate_run(run, draws=DRAWS)
    assert write_report(run) == run / "report.html"
    return run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report(tmp_path_factory.mktemp("runs") / "2026-01-31-vgg16-1", Layout(n_classes=7, skill=1.0, untested=(2,)))


def contents(run: Path) -> dict[str, bytes]:
    paths = [*sorted((run / "tables").iterdir()), *sorted((run / "figures").iterdir()), run / "report.html"]
    return {path.name: path.read_bytes() for path in paths}


def test_every_table_and_figure_is_there_in_every_format(run: Path) -> None:
    assert {path.stem for path in (run / "tables").iterdir()} == TABLES
    assert {path.suffix for path in (run / "tables").iterdir()} == {".csv", ".md", ".tex", ".html", ".txt"}
    assert {path.name for path in (run / "figures").iterdir()} == {
        f"{name}.{kind}" for name in FIGURES for kind in ("png", "svg")
    }


def test_again_gives_the_same_bytes(run: Path) -> None:
    before = contents(run)
    write_report(run)
    assert contents(run) == before


def test_the_page_needs_nothing_from_elsewhere(run: Path) -> None:
    page = (run / "report.html").read_text(encoding="utf-8")
    assert re.findall(r'(?:src|href)="(?!data:|#)', page) == []
    assert "http" not in re.sub(r'base64,[^"]+', "", page)
    assert page.count("data:image/svg+xml;base64,") == len(FIGURES)


def test_the_page_is_well_formed_and_says_the_verdicts_first(run: Path) -> None:
    class Nesting(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []

        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in ("meta", "img", "link", "br"):
                self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    page = (run / "report.html").read_text(encoding="utf-8")
    nesting = Nesting()
    nesting.feed(page)
    assert nesting.open == []
    places = [
        page.index(words) for words in ("In held-out wells, 7 classes", 'id="scores"', 'id="split"', 'id="settings"')
    ]
    assert places == sorted(places)
    for words in ("family 002,Src", "0123456789abcdef", "mobilenet_v2", "permuted"):
        assert words in page


def test_the_summary_holds_model_and_baselines_at_every_level(run: Path) -> None:
    summary = pd.read_csv(run / "tables" / "summary.csv")
    assert set(summary["predictor"]) == {"model", "prior", "permuted", "intensity", "position"}
    assert set(summary["level"]) == {"site", "well", "compound"}
    assert len(summary) == 5 * 3 * 8


def test_extremes_are_the_ends_of_the_class_table(run: Path) -> None:
    classes = pd.read_csv(run / "tables" / "classes_well.csv").dropna(subset="roc_auc")
    top, bottom = (pd.read_csv(run / "tables" / f"{name}.csv") for name in ("top5", "bottom5"))
    assert top["roc_auc"].tolist() == sorted(classes["roc_auc"], reverse=True)[:5]
    assert bottom["roc_auc"].tolist() == sorted(classes["roc_auc"])[:5]
    assert {"sites", "wells", "compounds", "sensitivity", "false_positive_rate"} <= set(top)


def test_the_confusion_matrix_counts_every_well_once(run: Path) -> None:
    confusion = pd.read_csv(run / "tables" / "confusion.csv", index_col="true")
    assert confusion.shape == (7, 7)
    summary = pd.read_csv(run / "tables" / "summary.csv").query("level == 'well' and predictor == 'model'")
    accuracy = summary.set_index("score")["value"]["top1_accuracy"]
    diagonal = sum(confusion.loc[name, name] for name in confusion.index)
    assert diagonal / confusion.to_numpy().sum() == pytest.approx(accuracy)


def test_two_classes_with_doses(tmp_path: Path) -> None:
    run = report(tmp_path / "run", Layout(n_classes=2, n_plates=1, folds=3, doses=True))
    assert (run / "figures" / "dose_response.svg").is_file()
    doses = pd.read_csv(run / "tables" / "dose_response.csv")
    assert len(doses) == 2 * 9
    page = (run / "report.html").read_text(encoding="utf-8")
    assert 'id="doses"' in page
    assert "The five largest" not in page


@pytest.mark.slow
def test_a_hundred_and_thirteen_classes_keep_figures_small(tmp_path: Path) -> None:
    run = report(tmp_path / "run", Layout(n_classes=113, n_plates=8, n_sites=1, folds=2, skill=1.0))
    sizes = {path.name: path.stat().st_size for path in (run / "figures").iterdir()}
    assert max(sizes.values()) < 2_000_000  # a page of some megabytes can be sent by mail
    assert len(pd.read_csv(run / "tables" / "classes_well.csv")) == 113


def test_without_history_and_config_the_rest_is_written(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", Layout(folds=1))
    (run / "history.jsonl").unlink()
    (run / "config.json").unlink()
    evaluate_run(run, draws=0)
    page = write_report(run).read_text(encoding="utf-8")
    assert not (run / "figures" / "history.svg").exists()
    assert "The run has no config.json." in page


def test_a_run_that_was_not_evaluated(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", Layout(folds=1))
    with pytest.raises(RunError, match=r"holds no metrics\.json: evaluate the run first"):
        write_report(run)
    (run / "metrics.json").write_text("{}")
    with pytest.raises(RunError, match="not written by this version"):
        write_report(run)


def test_the_command_prints_table_verdicts_and_path(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        kinfast(["evaluate", str(run), "--draws", "10", "--quiet"])
    lines = capsys.readouterr().out.splitlines()
    assert stop.value.code == 0
    assert lines[-1] == str(run / "report.html")
    assert max(len(line) for line in lines[:-1]) <= 80
    assert [line.split()[0] for line in lines[2:7]] == ["model", "prior", "permuted", "intensity", "position"]
    assert any(line.startswith("In held-out wells") for line in lines)


def test_the_command_says_what_is_wrong_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        kinfast(["evaluate", str(tmp_path)])
    assert stop.value.code == 2
    assert "holds no predictions.parquet" in capsys.readouterr().err


def test_flagged_sites_are_counted_by_cause(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", Layout(n_classes=2, n_plates=1, folds=2, doses=True))
    table = pd.read_parquet(run / "predictions.parquet")
    rows = table.index[table["part"] == "unlabelled"][:3]
    reasons = ["dark (not lit): DNA, RNA", "saturated: DNA 5.5%; blurred: RNA, AGP", "blurred: DNA"]
    table.loc[rows, "Quality_reason"] = reasons
    table.to_parquet(run / "predictions.parquet", index=False)
    evaluate_run(run, draws=0)
    write_report(run)
    counts = pd.read_csv(run / "tables" / "excluded.csv").set_index("cause")["sites"].to_dict()
    assert counts == {"blurred": 2, "dark": 1, "saturated": 1}


def test_class_names_of_any_letters_are_drawn_as_they_are(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", Layout(n_classes=3, folds=1))
    names = {"control": "_x$", "family 001,Src": "<b>&$a$", "family 002,Src": "\u4e2d"}
    table = pd.read_parquet(run / "predictions.parquet").replace({"truth": names})
    table = table.rename(columns={f"probability_{old}": f"probability_{new}" for old, new in names.items()})
    table.to_parquet(run / "predictions.parquet", index=False)
    (run / "config.json").unlink()
    evaluate_run(run, draws=0)
    assert "&lt;b&gt;&amp;$a$" in write_report(run).read_text(encoding="utf-8")
