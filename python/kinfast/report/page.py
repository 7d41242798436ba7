"""One self-contained HTML page: its style, its pieces. Needs nothing but the standard library."""

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --soft: #59636e; --line: #d9dee3; --ground: #ffffff;
  --card: #f6f8fa; --accent: #1f6fb4; --support: #1a7f4b; --caution: #b35900; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --soft: #9aa4ae; --line: #343b43; --ground: #14181c;
  --card: #1c2127; --accent: #6cb0ee; --support: #4cc38a; --caution: #f0a04b; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 68rem; padding: 2.2rem 1.4rem 4rem; background: var(--ground); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
header { border-bottom: 1px solid var(--line); margin-bottom: 1.6rem; padding-bottom: 1rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .3rem; overflow-wrap: anywhere; }
h2 { font-size: 1.22rem; margin: 2.6rem 0 .7rem; }
h3 { font-size: 1.02rem; margin: 1.5rem 0 .4rem; }
p { margin: .5rem 0; max-width: 46rem; }
.sub, .note, figcaption { color: var(--soft); font-size: .9rem; }
nav { font-size: .9rem; margin-top: .8rem; } nav a { margin-right: 1rem; }
a { color: var(--accent); text-decoration: none; } a:hover { text-decoration: underline; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(12rem, 1fr)); gap: .8rem; margin: 1.2rem 0; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .8rem 1rem; }
.tile b { display: block; font-size: 1.6rem; line-height: 1.25; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); font-size: .86rem; }
ul.verdicts { list-style: none; margin: 1rem 0; padding: 0; }
ul.verdicts li { border-left: 4px solid var(--accent); background: var(--card); border-radius: 0 .5rem .5rem 0;
  margin: .5rem 0; padding: .55rem .9rem; }
ul.verdicts li.support { border-color: var(--support); } ul.verdicts li.caution { border-color: var(--caution); }
figure { margin: 1rem 0; } figure img { background: #fff; border: 1px solid var(--line); border-radius: .6rem;
  display: block; height: auto; max-width: 100%; padding: .6rem; }
.table { overflow-x: auto; margin: 1rem 0 .4rem; }
table { border-collapse: collapse; font-size: .86rem; font-variant-numeric: tabular-nums; min-width: 50%; }
caption { caption-side: top; font-weight: 600; padding-bottom: .4rem; text-align: left; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .7rem .3rem 0; text-align: left; white-space: nowrap; }
th { color: var(--soft); font-weight: 600; } th.n, td.n { padding-right: 0; padding-left: .9rem; text-align: right; }
tr.model td { font-weight: 600; }
td small { color: var(--soft); display: block; font-size: .82em; font-weight: 400; }
pre { background: var(--card); border-radius: .4rem; font-size: .8rem; overflow-x: auto; padding: .8rem; }
details { margin: .8rem 0; } summary { color: var(--accent); cursor: pointer; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.2rem; font-size: .9rem; margin: .6rem 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
code { background: var(--card); border-radius: .25rem; font-size: .9em; padding: .1em .3em; }
@media print { body { font-size: 11px; max-width: none; padding: 0; } nav { display: none; }
  h2 { break-after: avoid; } figure, .tile, ul.verdicts li { break-inside: avoid; } th, td { white-space: normal; } }
"""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: what its link says, its heading, and its HTML. The body is inserted as it is."""

    anchor: str
    heading: str
    body: str


def make_page(title: str, subtitle: str, lead: str, sections: Sequence[Section], footer: str) -> str:
    """Put a page together. Title, subtitle, headings and footer are escaped; lead and bodies are HTML."""
    links = "".join(f'<a href="#{section.anchor}">{html.escape(section.heading)}</a>' for section in sections)
    bodies = "".join(
        f'<section id="{section.anchor}"><h2>{html.escape(section.heading)}</h2>\n{section.body}</section>\n'
        for section in sections
    )
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style>"
    )
    top = f'<header><h1>{html.escape(title)}</h1><p class="sub">{html.escape(subtitle)}</p><nav>{links}</nav></header>'
    end = f'<footer><p class="note">{html.escape(footer)}</p></footer>'
    body = f"<body>\n{top}\n{lead}\n{bodies}{end}\n</body>"
    return f'<!doctype html>\n<html lang="en">\n<head>{head}</head>\n{body}\n</html>\n'


def inline_image(path: Path, words: str, caption: str) -> str:
    """Give a figure element that carries its SVG or PNG file within."""
    kind = "image/svg+xml" if path.suffix == ".svg" else "image/png"
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    image = f'<img alt="{html.escape(words)}" src="data:{kind};base64,{data}">'
    return f"<figure>{image}<figcaption>{html.escape(caption)}</figcaption></figure>\n"


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
