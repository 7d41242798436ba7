"""Values of plates on one line each, before and after, drawn as SVG within the page."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, ROW, LEFT, RIGHT, TOP = 320, 22, 74, 52, 34
DOT = 4
NARROWEST = 0.1
"""Half the span, at least: a share of 1."""


@dataclass(frozen=True, slots=True)
class Strip:
    """A line: its words, each plate's name with its value, and what stands behind it."""

    words: str
    values: Sequence[tuple[str, float]]
    behind: str


def strip_plot(title: str, strips: Sequence[Strip], span: float) -> str:
    """Draw lines of dots, a dot a plate, as shares of the mean over plates.

    Args:
        title: above it.
        strips: lines, from above.
        span: what lies at the ends, as a share on either side of the mean.
    """
    half, middle = max(span, NARROWEST), LEFT + (WIDTH - LEFT - RIGHT) / 2
    scale = (WIDTH - LEFT - RIGHT) / 2 / half
    height = TOP + ROW * len(strips)
    parts = [f'<text x="0" y="12" font-weight="600">{html.escape(title)}</text>']
    for share in (-half, 0.0, half):
        x = middle + share * scale
        line = f'<line x1="{x:g}" x2="{x:g}" y1="{TOP - 4}" y2="{height}" stroke="currentColor" opacity="0.2"/>'
        mark = "mean" if share == 0 else f"{share:+.0%}"
        parts.append(f'{line}<text x="{x:g}" y="{TOP - 8}" text-anchor="middle" opacity="0.7">{mark}</text>')
    for i, strip in enumerate(strips):
        y = TOP + ROW * i + ROW / 2
        parts.append(f'<text x="0" y="{y + 4:g}">{html.escape(strip.words)}</text>')
        parts.append(f'<text x="{WIDTH}" y="{y + 4:g}" text-anchor="end">{html.escape(strip.behind)}</text>')
        parts += [_dot(middle + value * scale, y, name, value) for name, value in strip.values]
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img" aria-label="{html.escape(title)}" '
        f'style="max-width:100%;font-size:11px;fill:currentColor">{"".join(parts)}</svg>'
    )


def _dot(x: float, y: float, name: str, share: float) -> str:
    words = f"<title>{html.escape(name)}: {share:+.1%}</title>"
    return f'<circle cx="{x:.1f}" cy="{y:g}" r="{DOT}" fill="var(--accent)" fill-opacity="0.75">{words}</circle>'
