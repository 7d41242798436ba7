"""Both reports in a real browser: no error, no network, no sideways scrolling, tables that sort and filter."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.e2e.browser import LAPTOP, PHONE, console, open_browser, overflow, requests, show
from tests.e2e.small_plate import run as preprocess
from tests.e2e.small_plate import write_plate
from tests.unit.evaluate.synthetic_run import Layout, make_run

from kinfast.data.composites import parse_composites
from kinfast.data.store import PreparedStore
from kinfast.data.thumbnails import encode_webp, keep_thumbnails
from kinfast.evaluate.run import evaluate_run
from kinfast.report.plates import write_plates_report
from kinfast.report.run import write_report

EVIL = "<script>window.hacked=1</script>\"'<img src=x onerror=window.hacked=1>&amp;"
SIZES = [LAPTOP, PHONE]


def evil_run(folder: Path, store: Path) -> Path:
    """A run whose classes, compounds and plates are named to break a page."""
    run = make_run(folder, Layout(n_classes=12, n_plates=1, n_sites=1, folds=1, skill=1.0))
    table = pd.read_parquet(run / "predictions.parquet")
    names = {"family 001,Src": EVIL}
    table = table.replace({"truth": names})
    for kind in ("probability", "logit"):
        table = table.rename(columns={f"{kind}_{old}": f"{kind}_{new}" for old, new in names.items()})
    table["Metadata_Compound"] = table["Metadata_Compound"].astype(object).where(table.index % 3 > 0, EVIL)
    table["Metadata_Plate"] = table["Metadata_Plate"].astype(str) + EVIL
    table.to_parquet(run / "predictions.parquet", index=False)
    (run / "config.json").unlink()
    prepared = PreparedStore.open(store)
    classes = [EVIL if row % 2 else None for row in range(len(prepared.sites))]
    keep_thumbnails(prepared, classes, parse_composites("DNA+ER+DNA,ER+DNA+ER", prepared), run)
    add_findings(run)
    evaluate_run(run, draws=10)
    write_report(run)
    return run


def add_findings(run: Path) -> None:
    """Add what `kinfast leakage` and `kinfast explain` leave, with names that would break a page."""
    scores = {"site": {"roc_auc_macro": {"value": 0.8, "low": 0.7, "high": 0.9}}, "well": None}
    verdict = {"kind": "caution", "name": "leaks", "holds": True, "text": EVIL}
    leakage = {"image": scores, "compound": scores, "plate": None, "baselines": {EVIL: scores}, "verdicts": [verdict]}
    (run / "leakage.json").write_text(json.dumps(leakage))
    rows = [
        {"class": name, "stain": stain, "stream": "", "drop": 0.1, "low": None, "high": None, "method": "swap"}
        for name in ("", EVIL)
        for stain in ("ER", EVIL)
    ]
    picture = encode_webp(np.full((32, 32, 3), 90, np.uint8))
    kinds = {kind: f"{kind}.webp" for kind in ("plain", "gradients", "cam")}
    (run / "explain").mkdir()
    for name in kinds.values():
        (run / "explain" / name).write_bytes(picture)
    entry = {"class": EVIL, "probability": 0.5, "site": EVIL, "compound": EVIL, "streams": [{"name": EVIL, **kinds}]}
    found = {
        "sites": 4, "units": 2, "mapped_sites": 4, "words": {"": EVIL, EVIL: EVIL}, "rows": rows,
        "sanity": {"grad_cam": {"holds": False, "text": EVIL}}, "gallery": [entry], "classes_without_gallery": [],
    }  # fmt: skip
    (run / "explain" / "explain.json").write_text(json.dumps(found))


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("reports")
    write_plate(root / "plates", "PlateA", 1, side=64)
    (root / "wells.csv").write_text(f'Plate,Well,compound\nPlateA,B02,"{EVIL.replace(chr(34), chr(34) * 2)}"\n')
    preprocess(root / "plates", root / "prepared", metadata=[root / "wells.csv"])
    write_plates_report(root / "prepared")
    run = evil_run(root / "run", root / "prepared")
    return {"preprocess": root / "prepared" / "report.html", "run": run / "report.html"}


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with open_browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.mark.parametrize("name", ["preprocess", "run"])
@pytest.mark.parametrize("size", SIZES, ids=["laptop", "phone"])
def test_a_page_is_whole_at_every_width_by_day_and_by_night(
    driver: Any, pages: dict[str, Path], name: str, size: tuple[int, int]
) -> None:
    grounds = []
    for scheme in ("light", "dark"):
        show(driver, pages[name], size, scheme)
        driver.execute_script("document.querySelectorAll('details').forEach((part) => { part.open = true; });")
        assert overflow(driver) <= 0
        assert driver.execute_script("return window.hacked === undefined")
        assert (
            driver.execute_script(
                "return [...document.images].filter((i) => { i.loading = 'eager'; return !i.alt; }).length"
            )
            == 0
        )
        grounds.append(driver.execute_script("return getComputedStyle(document.body).backgroundColor"))
    assert grounds[0] == "rgb(255, 255, 255)"
    assert grounds[1] != grounds[0]
    assert console(driver) == []
    assert requests(driver) == []


@pytest.mark.parametrize("name", ["preprocess", "run"])
def test_every_link_of_the_contents_leads_somewhere_and_every_picture_is_drawn(
    driver: Any, pages: dict[str, Path], name: str
) -> None:
    show(driver, pages[name], LAPTOP, "light")
    dead = driver.execute_script(
        "return [...document.querySelectorAll('nav a')].filter((a) => !document.querySelector(a.hash)).length"
    )
    assert dead == 0
    undrawn = driver.execute_async_script(
        "const done = arguments[0], images = [...document.images];"
        "document.querySelectorAll('details').forEach((part) => { part.open = true; });"
        "images.forEach((i) => { i.loading = 'eager'; });"
        "Promise.all(images.map((i) => i.decode().then(() => 0, () => 1)))"
        ".then((all) => done(all.reduce((a, b) => a + b, 0)));"
    )
    assert undrawn == 0


def test_a_table_sorts_by_numbers_both_ways_and_filters(driver: Any, pages: dict[str, Path]) -> None:
    show(driver, pages["run"], LAPTOP, "light")
    prepare = (
        "document.querySelectorAll('details').forEach((part) => { part.open = true; });"
        "const tables = [...document.querySelectorAll('table')];"
        "window.t = tables.find((t) => t.caption.textContent.startsWith('Every class'));"
        "return [...t.tHead.rows[0].cells].findIndex((c) => c.textContent.trim() === 'AUC')"
    )
    column = driver.execute_script(prepare)
    read = f"return [...t.tBodies[0].rows].map((r) => r.cells[{column}].textContent)"
    click = f"t.tHead.rows[0].cells[{column}].querySelector('button').click();"
    rising = [float(cell) for cell in driver.execute_script(click + read) if cell != "–"]
    falling = [float(cell) for cell in driver.execute_script(click + read) if cell != "–"]
    assert len(rising) >= 8
    assert rising == sorted(rising)
    assert falling == sorted(falling, reverse=True)
    assert driver.execute_script(f"return t.tHead.rows[0].cells[{column}].ariaSort") == "descending"
    said = driver.execute_script(
        "const label = t.parentElement.previousElementSibling, field = label.querySelector('input');"
        "field.value = 'Family 003'; field.dispatchEvent(new Event('input'));"
        "return [[...t.tBodies[0].rows].filter((r) => !r.hidden).length, label.querySelector('span').textContent]"
    )
    assert said == [1, "1 of 12 rows"]


def test_all_rows_are_there_without_the_script(driver: Any, pages: dict[str, Path]) -> None:
    show(driver, pages["run"], PHONE, "light", script=False)
    shown = driver.find_elements("css selector", "#scores tbody tr")
    assert len(shown) >= 10
    assert all(row.is_displayed() for row in shown[:5])
    assert driver.find_elements("css selector", "th button") == []


def test_text_stands_out_from_its_ground(driver: Any, pages: dict[str, Path]) -> None:
    """WCAG 2.1, 1.4.3: a contrast of 4.5 to 1 for text, by day and by night."""
    measure = """
      const parse = (c) => c.match(/[\\d.]+/g).slice(0, 3).map(Number);
      const light = (c) => { const [r, g, b] = parse(c).map((v) => { v /= 255;
        return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
      const ground = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
        if (!/, 0\\)$/.test(c)) return c; } };
      return ["h1", ".sub", "p", ".note", "nav a", "th", "td", "figcaption", ".tile span", "dt", "summary",
        "li.caution b", "li.support b", "li.finding b"].map((s) => { const e = document.querySelector(s);
        if (!e) return [s, 99]; const a = light(getComputedStyle(e).color), b = light(ground(e));
        return [s, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)]; }).filter(([, c]) => c < 4.5);
    """
    for scheme in ("light", "dark"):
        show(driver, pages["run"], LAPTOP, scheme)
        assert driver.execute_script(measure) == []


def test_a_run_is_reported_again_equal_after_its_store_is_gone(pages: dict[str, Path], tmp_path: Path) -> None:
    moved = tmp_path / pages["run"].parent.name
    shutil.copytree(pages["run"].parent, moved)
    before = (moved / "report.html").read_bytes()
    (moved / "report.html").unlink()
    write_report(moved)
    assert (moved / "report.html").read_bytes() == before
