"""The README's and the pages' commands are real."""

import re
from pathlib import Path

import pytest

from kinfast.cli import main

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]


def commands_of(text: str) -> list[str]:
    """Give the kinfast commands that stand in indented or fenced lines, continued lines joined."""
    joined = re.sub(r"\\\n\s*", " ", text)
    return re.findall(r"^(?: {4}|\$ )?(kinfast \w+[^\n#]*)", joined, flags=re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_every_command_and_option_on_a_page_exists(page: str) -> None:
    for line in commands_of((ROOT / page).read_text()):
        words = line.split()
        assert words[1] in main.COMMANDS, line
        options = set(re.findall(r"\s(--[a-z][a-z-]*)", line))
        assert options <= options_of(words[1]), line


def options_of(command: str) -> set[str]:
    """Give the options that a command takes."""
    import typer

    group = typer.main.get_command(main.build_app())
    taken = [command, "train"] if command == "leakage" else [command]  # leakage hands what it does not know to train
    parameters = [parameter for name in taken for parameter in group.commands[name].params]  # type: ignore[attr-defined]
    return {name for parameter in parameters for name in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}


def test_the_readme_shows_the_whole_journey() -> None:
    shown = {line.split()[1] for line in commands_of((ROOT / "README.md").read_text())}
    assert shown == set(main.COMMANDS)


@pytest.mark.parametrize("page", PAGES)
def test_links_between_pages_lead_somewhere(page: str) -> None:
    here = (ROOT / page).parent
    links = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / page).read_text())
    assert [link for link in links if not (here / link).exists()] == []
