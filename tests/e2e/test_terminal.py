"""Commands on a terminal of 80 columns, where progress is drawn as bars: through a pipe there are none."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

CONTROLS = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
"""What moves a terminal's cursor, or colours its text."""


def on_a_terminal(*words: str | Path) -> tuple[int, str]:
    """Run a command on a terminal of its own; give its exit code and what was drawn, without colours."""
    screen, keyboard = pty.openpty()
    fcntl.ioctl(keyboard, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR", "CI")}
    command = [sys.executable, "-m", "kinfast", *map(str, words)]
    with subprocess.Popen(
        command, stdin=keyboard, stdout=keyboard, stderr=keyboard, env=environment | {"TERM": "xterm"}
    ) as process:
        os.close(keyboard)
        drawn = b""
        while more := _read(screen):
            drawn += more
    os.close(screen)
    return process.returncode, CONTROLS.sub("", drawn.decode("utf-8", errors="replace"))


def _read(screen: int) -> bytes:
    try:
        return os.read(screen, 1 << 16)
    except OSError:  # Linux' word for a terminal that everybody has left
        return b""


def test_bars_are_drawn_on_the_way_to_a_store(plates: Path, tmp_path: Path) -> None:
    channels = ["--channels", "1=DNA,2=ER"]
    code, drawn = on_a_terminal("inspect", plates, *channels)
    assert code == 0, drawn
    assert "looking for images" in drawn
    code, drawn = on_a_terminal("preprocess", plates, "--out", tmp_path / "prepared", *channels)
    assert code == 0, drawn
    assert "12/12" in drawn
