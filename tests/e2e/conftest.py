"""What several tests from end to end begin with: a command in this process, a plate on the disk, a store to learn."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.e2e.small_plate import write_plate

from kinfast.cli.main import run as run_command

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def kinfast(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command in this process; give its exit code, stdout and stderr."""
    import torch

    torch.set_num_threads(1)

    def call(*words: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            run_command([str(word) for word in words])
        said = capsys.readouterr()
        return int(stop.value.code or 0), said.out, said.err

    return call


@pytest.fixture
def plates(tmp_path: Path) -> Path:
    """A plate of its own for a test that asks for one and makes none."""
    write_plate(tmp_path / "plates", "PlateA", 1)
    return tmp_path / "plates"


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of two plates of twelve wells, two sites each, that can be learned; it is only read."""
    from tests.unit.train.conftest import write_learnable_store  # torch comes with it

    root = tmp_path_factory.mktemp("learnable") / "prepared"
    write_learnable_store(root, plates=2, wells=12)
    return root
