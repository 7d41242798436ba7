"""The report of a prepared store: what is on the plates, what was corrected, flagged and set aside. No matplotlib."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from kinfast import schema
from kinfast.report.composite_sheet import store_sheet
from kinfast.report.page import Section, definitions, make_page, paragraph, summary_box, tiles
from kinfast.report.plate_comparison import compare_html, drift_html, z_prime_html
from kinfast.report.plate_pictures import field_pictures, site_strip
from kinfast.report.plate_tables import table_html
from kinfast.report.plates_summary import judge_plates
from kinfast.report.well_map import well_map

REPORT = "report.html"
SHOWN_ROWS = 40
"""Rows of a table in the page; the files hold all."""
RING = "Medians over a well's sites. A ring marks wells with sites that training leaves out."
EXAMPLES = 2
"""Sites shown of each plate without, and of each flag with, a flag."""


def write_plates_report(out: Path) -> Path:
    """Write report.html of a prepared store from its files, and give its path. The same store gives the same bytes."""
    dataset = json.loads((out / "dataset.json").read_text(encoding="utf-8"))
    sites = pd.read_parquet(out / "sites.parquet")
    quarantine = pd.read_csv(out / "quarantine.csv", dtype=str, keep_default_na=False)
    sections = [
        Section("flags", "What was flagged", _flags(sites, dataset)),
        Section("between-plates", "Plates beside each other", compare_html(dataset)),
        *(_plate_section(out, dataset, sites[sites[schema.PLATE] == plate], plate) for plate in dataset["plates"]),
        Section("sites", "Contact sheet of the composites", store_sheet(out, dataset, sites)),
        Section("examples", "Examples of flagged sites", _examples(out, dataset, sites)),
        Section("quarantine", "Files that could not be used", _quarantine(quarantine)),
        Section("settings", "Settings", _settings(dataset)),
    ]
    title = f"Prepared plates: {dataset['spec'].get('title') or dataset['spec']['name']}"
    subtitle = f"{', '.join(dataset['channels'])}; {' x '.join(map(str, dataset['image_size']))} pixels, 8 bits"
    page = make_page(
        title, subtitle, _lead(sites, quarantine, dataset), sections, f"kinfast {dataset['software_version']}"
    )
    path = out / REPORT
    temporary = path.with_name(f".{REPORT}.part")
    temporary.write_text(page, encoding="utf-8")
    temporary.replace(path)
    return path


def _lead(sites: pd.DataFrame, quarantine: pd.DataFrame, dataset: Mapping[str, Any]) -> str:
    left_out = sites[[*schema.EXCLUDED_FLAGS, schema.FLAG_EXCLUDED]].any(axis=1).sum() if len(sites) else 0
    kind, headline, sentences = judge_plates(sites, quarantine, dataset)
    return summary_box(kind, f"Before training: {headline}", sentences) + tiles(
        [
            (f"{len(sites):,}", "sites in the store"),
            (str(len(dataset["plates"])), "plates"),
            (f"{sites[[schema.PLATE, schema.WELL]].drop_duplicates().shape[0]:,}", "wells"),
            (f"{left_out:,}", "sites that training leaves out"),
            (f"{len(quarantine):,}", "images missing or unusable"),
        ]
    )


def _flags(sites: pd.DataFrame, dataset: Mapping[str, Any]) -> str:
    names = [*schema.FLAGS, schema.FLAG_EXCLUDED]
    counts = sites.groupby(schema.PLATE)[names].sum().reindex(list(dataset["plates"]), fill_value=0).astype(int)
    counts.columns = [name.removeprefix("Flag_").replace("_", " ") for name in names]
    body = table_html(counts.rename_axis("plate").reset_index(), "Sites with each flag")
    text = (
        "Flagged sites stay in the store. Training leaves them out, except those with few cells: fewer cells may be "
        "what a compound does. Quality_reason in sites.parquet says why a site is flagged; a spec's quality section "
        "sets thresholds by hand."
    )
    return body + paragraph(text)


def _plate_section(out: Path, dataset: Mapping[str, Any], sites: pd.DataFrame, plate: str) -> Section:
    facts = dataset["plates"][plate]
    if not len(sites):
        return Section(f"plate-{plate}", f"Plate {plate}", paragraph("No site of this plate could be used."))
    maps = "".join(well_map(sites, column, words) for column, words in _mapped(sites, dataset["channels"]))
    light = field_pictures(out, plate, dataset["channels"], facts["illumination"])
    table = _channel_table(facts, dataset["intensity_windows"][plate], dataset["channels"])
    flagless = sites[~sites[schema.FLAG_ANY]]
    shown = flagless.iloc[:: max(1, len(flagless) // EXAMPLES)].head(EXAMPLES)
    strips = "".join(site_strip(out, row, dataset["channels"]) for _, row in shown.iterrows())
    size = " x ".join(map(str, facts["shape"]))
    text = f"{facts['n_sites']:,} sites of {size} pixels in {sites[schema.WELL].nunique()} wells."
    headed = (
        ("Wells", f'<div class="maps">{maps}</div>\n{paragraph(RING, "note")}'),
        ("Drift over the plate", drift_html(facts["drift"])),
        ("Controls apart: Z'", z_prime_html(facts["z_prime"])),
        ("Light", light),
        ("Channels", table),
        ("Two sites, as stored", strips),
    )
    body = paragraph(text) + "".join(f"<h3>{words}</h3>\n{part}" for words, part in headed if part)
    return Section(f"plate-{plate}", f"Plate {plate}", body)


def _mapped(sites: pd.DataFrame, channels: list[str]) -> list[tuple[str, str]]:
    cells = [(schema.quality("cells"), "cells a site")] if sites[schema.quality("cells")].notna().any() else []
    return [*cells, *((schema.quality("corrected_mean", c), f"{c}: mean corrected counts") for c in channels)]


def _channel_table(facts: Mapping[str, Any], windows: Mapping[str, Any], channels: list[str]) -> str:
    rows = []
    for channel in channels:
        light = facts["illumination"][channel]
        low, high = windows[channel]
        error = "" if light["error"] is None else f"{light['error']:.2%}"
        shading = [light["shading_before"], light["shading_after"]]
        judged = "not judged" if None in shading else f"{shading[0]:.2%} → {shading[1]:.2%}"
        plainly = light["verdict"].startswith("corrected: ")
        words = "yes" if plainly else light["verdict"].split(";")[0]
        rows.append(
            (
                channel,
                f"{low:,.0f}",
                f"{high:,.0f}",
                f"{light['dark_counts']:,.1f}",
                words,
                f"{light['contrast']:.1%}",
                error,
                judged,
                str(light["n_images"]),
                light["drift"]["text"],
                _group_words(light["groups"]),
            )
        )
    names = [
        "channel",
        "window from",
        "to",
        "dark offset",
        "corrected",
        "contrast",
        "its error",
        "shading held out",
        "images",
        "over the plate",
        "fields of groups",
    ]
    table = pd.DataFrame(rows, columns=names)
    if not any(facts["illumination"][channel]["groups"] for channel in channels):
        table = table.drop(columns="fields of groups")
    return table_html(table, "Counts; the window is what became 0 and 255")


def _group_words(groups: Mapping[str, Any]) -> str:
    own = [name for name, light in groups.items() if light["verdict"].startswith("beyond")]
    return f"{len(own)} of {len(groups)} their own: {', '.join(own) or 'none'}" if groups else ""


def _examples(out: Path, dataset: Mapping[str, Any], sites: pd.DataFrame) -> str:
    parts = []
    for flag in (*schema.FLAGS, schema.FLAG_EXCLUDED):
        for _, row in sites[sites[flag]].head(EXAMPLES).iterrows():
            parts.append(site_strip(out, row, dataset["channels"]))
    return "".join(parts) or paragraph("No site is flagged.")


def _quarantine(quarantine: pd.DataFrame) -> str:
    if not len(quarantine):
        return paragraph("None: every site's files could be used.")
    more = "" if len(quarantine) <= SHOWN_ROWS else f" The first {SHOWN_ROWS} of {len(quarantine):,} are shown."
    text = f"Their sites are not in the store; everything else is. The list is quarantine.csv.{more}"
    return paragraph(text) + table_html(quarantine.head(SHOWN_ROWS), "One row a cause")


def _settings(dataset: Mapping[str, Any]) -> str:
    parameters = [(name, json.dumps(value, ensure_ascii=False)) for name, value in dataset["parameters"].items()]
    rows = [*parameters, ("parameters_hash", dataset["parameters_hash"]), ("convention", dataset["convention"])]
    thresholds = {plate: facts["thresholds"] for plate, facts in dataset["plates"].items()}
    table = pd.DataFrame(thresholds).map(lambda v: "not judged" if v is None or pd.isna(v) else f"{v:,.4g}")
    return definitions(rows) + table_html(table.rename_axis("threshold").reset_index(), "Thresholds")
