"""What `kinfast embed` left in a run's folder stands on its page."""

from pathlib import Path

import pandas as pd

from kinfast.evaluate.retrieval import Retrieval, kept_folder, write_retrieval
from kinfast.report.retrieval_page import read_retrieval, retrieval_html

SCORES = {
    "mean_average_precision": [0.9, 0.2],
    "p_value": [0.001, 0.6],
    "q_value": [0.002, 0.6],
    "retrieved": [True, False],
}
COMPOUNDS = pd.DataFrame({"Metadata_Compound": ["<b>A", "B"], "wells": [4, 3], **SCORES})
TARGETS = pd.DataFrame({"Metadata_Target": pd.Series(dtype=str), "compounds": [], **{name: [] for name in SCORES}})


def test_the_tables_of_each_store_are_read_back_and_said(tmp_path: Path) -> None:
    assert read_retrieval(tmp_path) == {}
    for store in ("prepared", "library"):
        write_retrieval(Retrieval(COMPOUNDS, TARGETS, ()), kept_folder(tmp_path) / store)
    found = read_retrieval(tmp_path)
    assert list(found) == ["library", "prepared"]
    pd.testing.assert_frame_equal(found["prepared"].compounds, COMPOUNDS)
    page = retrieval_html(found)
    assert "prepared: 1 of 2 compounds are retrieved" in page
    assert "mean average precision 0.55" in page
    assert "<b>A" not in page
    assert "&lt;b&gt;A" in page
    assert "Do a target's compounds" not in page.replace("&#x27;", "'")
