"""One self-contained HTML page and its pieces. Needs nothing but the standard library."""

import base64
import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kinfast.report.page_script import SCRIPT
from kinfast.report.page_style import STYLE

MIME = {".svg": "image/svg+xml", ".png": "image/png", ".webp": "image/webp"}


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: what its link says, its heading, and its HTML. The body is inserted as it is."""

    anchor: str
    heading: str
    body: str


def make_page(title: str, subtitle: str, lead: str, sections: Sequence[Section], footer: str) -> str:
    """Put a page together. Title, subtitle, headings and footer are escaped; lead and bodies are HTML.

    The page needs no other file and no network; its script sorts and filters tables, and nothing else needs it.
    """
    ids = anchors([section.anchor for section in sections])
    links = "".join(
        f'<li><a href="#{anchor}">{html.escape(section.heading)}</a></li>'
        for anchor, section in zip(ids, sections, strict=True)
    )
    bodies = "".join(
        f'<section id="{anchor}"><h2>{html.escape(section.heading)}</h2>\n{section.body}</section>\n'
        for anchor, section in zip(ids, sections, strict=True)
    )
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style>"
    )
    top = f'<header><h1>{html.escape(title)}</h1><p class="sub">{html.escape(subtitle)}</p></header>'
    nav = f'<nav aria-label="Contents"><b>Contents</b><ol><li><a href="#top">Summary</a></li>{links}</ol></nav>'
    end = f'<footer><p class="note">{html.escape(footer)}</p></footer>'
    main = f'<main id="top">{top}\n{lead}\n{bodies}{end}</main>'
    skip = '<a class="skip" href="#top">Skip to the report</a>'
    body = f'<body>\n{skip}<div class="frame">{nav}\n{main}\n</div><script>{SCRIPT}</script>\n</body>'
    return f'<!doctype html>\n<html lang="en">\n<head>{head}</head>\n{body}\n</html>\n'


def anchors(names: Sequence[str]) -> list[str]:
    """Make names, which may be a plate's, ids of a page: letters, digits and hyphens, each once."""
    made: list[str] = []
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-") or "section"
        made.append(plain if plain not in made else f"{plain}-{len(made)}")
    return made


def inline_image(path: Path, words: str, caption: str) -> str:
    """Give a figure element that carries its SVG, PNG or WebP file within; a chart, on white paper."""
    image = image_element(path.read_bytes(), MIME[path.suffix], words)
    return f'<figure class="chart">{image}<figcaption>{html.escape(caption)}</figcaption></figure>\n'


def image_element(content: bytes, mime: str, words: str, width: int | None = None) -> str:
    """Give an img element that carries its bytes within, read out as `words`."""
    data = base64.b64encode(content).decode("ascii")
    size = f' width="{width}"' if width else ""
    return f'<img alt="{html.escape(words)}"{size} loading="lazy" src="data:{mime};base64,{data}">'


def framed_table(table: str, caption: str) -> str:
    """Put a table element where it can be scrolled sideways, by keyboard too, without moving the page."""
    return f'<div class="table" role="region" tabindex="0" aria-label="{html.escape(caption)}">{table}</div>'


def summary_box(kind: str, heading: str, sentences: Sequence[str]) -> str:
    """Give the box that opens a page: a heading and a few sentences; its kind is that of a verdict."""
    words = html.escape(" ".join(sentences))
    return f'<div class="trust {html.escape(kind)}"><h2>{html.escape(heading)}</h2><p>{words}</p></div>\n'


def tiles(values: Sequence[tuple[str, str]]) -> str:
    """Give the page's key figures: (figure, what it is)."""
    inner = "".join(f"<div class='tile'><b>{html.escape(a)}</b><span>{html.escape(b)}</span></div>" for a, b in values)
    return f'<div class="tiles">{inner}</div>\n'


def definitions(pairs: Sequence[tuple[str, str]]) -> str:
    """Give a list of names and values."""
    inner = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>" for name, value in pairs)
    return f"<dl>{inner}</dl>\n"


def folded(words: str, body: str) -> str:
    """Give a part that opens on a click."""
    return f"<details><summary>{html.escape(words)}</summary>\n{body}</details>\n"


def paragraph(text: str, kind: str = "") -> str:
    """Give a paragraph of escaped text."""
    attribute = f' class="{kind}"' if kind else ""
    return f"<p{attribute}>{html.escape(text)}</p>\n"
