"""Lines of a terminal or a log: none is wider than the screen, and no word is lost or cut."""

import textwrap

WIDTH = 80
INDENT = 2


def wrap_line(text: str, width: int = WIDTH) -> list[str]:
    """Break a line at word borders; what goes on is indented further. A path stays whole, if it has no spaces."""
    parts: list[str] = []
    for line in text.split("\n"):
        indent = " " * (len(line) - len(line.lstrip()) + INDENT)
        parts += textwrap.wrap(
            line, max(width, 2 * INDENT), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        ) or [""]
    return parts


def wrap_command(text: str, indent: str, width: int = WIDTH) -> list[str]:
    r"""Break a command between its words with a backslash, so that it can be copied to a shell as it stands."""
    first = f"{indent}$ "
    later = " " * (len(first) + INDENT)
    parts = textwrap.wrap(
        text,
        width - len(" \\"),
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [f"{part} \\" for part in parts[:-1]] + parts[-1:]
