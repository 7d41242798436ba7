"""Promises that the code base keeps about itself."""

import re
import tomllib
from pathlib import Path

import kinfast

ROOT = Path(__file__).parents[1]


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    cmake = re.search(r"project\(kinfast VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text())
    assert cmake is not None
    assert kinfast.__version__ == project == cmake[1]


def test_the_core_knows_nothing_of_python() -> None:
    sources = [*(ROOT / "cpp/src").rglob("*.*pp"), *(ROOT / "cpp/include").rglob("*.*pp")]
    assert len(sources) > 10
    guilty = [path.name for path in sources if re.search(r"pybind11|Python\.h", path.read_text())]
    assert guilty == []


def test_there_is_no_junk_drawer() -> None:
    drawers = {"utils.py", "helpers.py", "common.py", "misc.py"}
    assert [path for path in (ROOT / "python").rglob("*.py") if path.name in drawers] == []


def test_the_native_module_has_what_its_contract_says() -> None:
    stub = (ROOT / "python/kinfast/_native.pyi").read_text()
    names = re.findall(r"^(?:def|class) (\w+)", stub, flags=re.MULTILINE)
    from kinfast import _native

    assert len(names) > 20
    assert [name for name in names if not hasattr(_native, name)] == []
