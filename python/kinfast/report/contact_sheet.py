"""What a run keeps of its store: sites as the model sees them, flagged ones, light and quality of the plates."""

import html
import json
from pathlib import Path
from typing import Any

import pandas as pd

from kinfast import schema
from kinfast.data.thumbnails import FOLDER, SITES, STORE
from kinfast.evaluate.run_folder import Run
from kinfast.report.page import folded, image_element, paragraph
from kinfast.report.plate_grid import pixel_map
from kinfast.report.plate_tables import table_html

MOST_PLATES = 8
Sites = dict[tuple[Any, ...], list[dict[str, Any]]]


def read_store_facts(run: Path) -> dict[str, Any]:
    """Read what a run keeps of dataset.json; empty for a run of an earlier version."""
    path = run / FOLDER / STORE
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def contact_sheets(run: Run) -> str:
    """Show the kept sites, class by class, with what the model says of those not trained on; then flagged ones."""
    path = run.path / FOLDER / SITES
    if not path.is_file():
        return ""
    table = pd.read_csv(path, dtype=dict.fromkeys(("label", schema.COMPOUND, schema.PLATE, schema.WELL), str))
    table = table.astype(object).where(table.notna(), "")
    said = _predictions(run)
    sheets = {"": _grouped(table[table["reason"] == ""]), "flagged": _grouped(table[table["reason"] != ""])}
    streams = ", ".join(dict.fromkeys(table["stream"]))
    n_sites = len(sheets[""]) + len(sheets["flagged"])
    words = (
        f"{n_sites} of {run.table[list(schema.KEY)].drop_duplicates().shape[0]:,} sites, shrunk: each picture is one "
        f"stream ({streams}), its channels red, green and blue. Chosen evenly over wells within a class, the larger "
        "classes first where there are many; all others are left out. The prediction stands where no model was "
        "trained on the site."
    )
    sound = "".join(_site(run.path / FOLDER, rows, said) for rows in sheets[""].values())
    spoilt = "".join(_site(run.path / FOLDER, rows, said) for rows in sheets["flagged"].values())
    flagged = f'<h3>Flagged sites, left out of training</h3>\n<div class="sheet">{spoilt}</div>\n' if spoilt else ""
    return f'{paragraph(words, "note")}<div class="sheet">{sound}</div>\n{flagged}'


def _grouped(table: pd.DataFrame) -> Sites:
    groups: Sites = {}
    for row in table.to_dict("records"):
        groups.setdefault(_key(row), []).append({str(name): value for name, value in row.items()})
    return groups


def _key(row: Any) -> tuple[Any, ...]:
    return (str(row[schema.PLATE]), str(row[schema.WELL]), int(row[schema.SITE]), int(row[schema.TIMEPOINT]))


def _predictions(run: Run) -> dict[tuple[Any, ...], str]:
    """Say what was predicted of each site that no model was trained on."""
    rows = run.table[run.table[schema.PART].isin([schema.PART_TEST, schema.PART_UNLABELLED])]
    chances = run.probabilities(rows)
    best = chances.argmax(axis=1)
    likeliest = "likeliest " * run.several
    keys = rows[schema.KEY].to_dict("records")
    return {
        _key(key): f"{likeliest}{run.classes[code]} ({chances[place, code]:.2f})"
        for place, (key, code) in enumerate(zip(keys, best, strict=True))
    }


def _site(folder: Path, rows: list[dict[str, Any]], said: dict[tuple[Any, ...], str]) -> str:
    first, key = rows[0], _key(rows[0])
    name = f"{key[0]} {key[1]} site {key[2]}" + (f" time {key[3]}" if key[3] != 1 else "")
    files = [(row["stream"], folder / row["file"]) for row in rows if (folder / row["file"]).is_file()]
    images = "".join(image_element(file.read_bytes(), "image/webp", f"{name}, {stream}") for stream, file in files)
    label = " · ".join(str(word) for word in (first["label"], first[schema.COMPOUND]) if word)
    lines = [f"<b>{html.escape(label or 'no label')}</b>", html.escape(name)]
    lines += [html.escape(first["reason"])] if first["reason"] else []
    lines += [html.escape(f"predicted {said[key]}")] if key in said and not first["reason"] else []
    kind = ' class="flagged"' if first["reason"] else ""
    pair = f'<div style="display:grid;grid-template-columns:repeat({max(1, len(files))},1fr);gap:2px">{images}</div>'
    return f"<figure{kind}>{pair}<figcaption>{'<br>'.join(lines)}</figcaption></figure>\n"


def plates_quality(run: Run, facts: dict[str, Any]) -> str:
    """Show light and quality of the plates that a run was made from, as far as the run's own files tell."""
    plates = [str(plate) for plate in run.table[schema.PLATE].drop_duplicates()]
    parts = [_flag_counts(facts), _light(facts)]
    parts += [_plate(run, plate, facts) for plate in sorted(plates)[:MOST_PLATES]]
    if len(plates) > MOST_PLATES:
        parts.append(paragraph(f"Not shown: {len(plates) - MOST_PLATES} of {len(plates)} plates.", "note"))
    return "".join(part for part in parts if part)


def _flag_counts(facts: dict[str, Any]) -> str:
    plates = facts.get("plates", {})
    if not plates:
        return ""
    rows = [
        {"plate": plate, "sites": of.get("n_sites", "")}
        | {name.removeprefix("Flag_").replace("_", " "): n for name, n in of["flags"].items()}
        for plate, of in plates.items()
    ]
    return table_html(pd.DataFrame(rows), "Sites with each flag")


def _light(facts: dict[str, Any]) -> str:
    rows = [
        {"plate": plate, "channel": channel, "contrast": f"{light['contrast']:.1%}", "verdict": light["verdict"]}
        for plate, of in facts.get("plates", {}).items()
        for channel, light in of.get("illumination", {}).items()
    ]
    caption = "Uneven light: how strong, and whether correcting it helped"
    return folded("Light of every channel", table_html(pd.DataFrame(rows), caption)) if rows else ""


def _plate(run: Run, plate: str, facts: dict[str, Any]) -> str:
    rows = run.table[run.table[schema.PLATE].astype(str) == plate].drop_duplicates(list(schema.KEY))
    measures = [schema.quality("cells")] + [
        name for name in rows.columns if name.startswith(schema.quality("corrected_mean") + "_")
    ]
    maps = []
    for column in [name for name in measures if name in rows and rows[name].notna().any()]:
        values = rows.groupby(schema.WELL)[column].median().dropna()
        name = column.removeprefix("Quality_corrected_mean_").removeprefix("Quality_")
        low, high = float(values.min()), float(values.max())
        caption = f"{name}: {low:,.4g} to {high:,.4g}"
        wells = {str(well): float(value) for well, value in values.items()}
        maps.append(pixel_map(wells, low, high, f"{name} of the wells of plate {plate}", caption))
    row = f'<div class="pixels">{"".join(maps)}</div>\n' if maps else ""
    light = facts.get("fields", {}).get(plate)
    file = run.path / FOLDER / str(light)
    if light and file.is_file():
        words = f"Flat-fields of {', '.join(facts.get('channels', []))} (black 0.5, white 1.5)"
        image = image_element(file.read_bytes(), "image/webp", f"flat-fields of plate {plate}")
        row += f"<figure>{image}<figcaption>{html.escape(words)}</figcaption></figure>\n"
    return f"<h3>Plate {html.escape(plate)}</h3>\n{row}" if row else ""
