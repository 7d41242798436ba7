"""How many processors may be used, from files as the kernel writes them."""

from pathlib import Path

import pytest

from kinfast.cli import options
from kinfast.control_groups import processor_quota


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own"
    path.write_text("9:name=systemd:/\n4:cpu,cpuacct:/job/step\n3:memory:/elsewhere\n0::/job/step\n")
    return path


def limit(folder: Path, version: int, quota: int | None, period: int = 100_000) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if version == 2:
        (folder / "cpu.max").write_text(f"{'max' if quota is None else quota} {period}\n")
    else:
        (folder / "cpu.cfs_quota_us").write_text(f"{-1 if quota is None else quota}\n")
        (folder / "cpu.cfs_period_us").write_text(f"{period}\n")


@pytest.mark.parametrize(("version", "mounted"), [(2, "."), (1, "cpu")])
def test_the_least_quota_of_this_group_and_those_above_counts(
    tmp_path: Path, own: Path, version: int, mounted: str
) -> None:
    cgroups = tmp_path / "cgroup"
    top = cgroups / mounted
    assert processor_quota(cgroups, own) is None
    limit(top / "job/step", version, None)
    assert processor_quota(cgroups, own) is None
    limit(top / "job/step", version, 400_000)
    assert processor_quota(cgroups, own) == 4
    limit(top / "job", version, 150_000, 50_000)
    assert processor_quota(cgroups, own) == 3
    limit(top, version, 50_000)
    assert processor_quota(cgroups, own) == 0.5
    limit(top / "elsewhere", version, 1)
    assert processor_quota(cgroups, own) == 0.5
    own.unlink()
    limit(top, version, 250_000)
    assert processor_quota(cgroups, own) == 2.5  # a container sees its own group as the top


def test_what_cannot_be_read_limits_nothing(tmp_path: Path, own: Path) -> None:
    (tmp_path / "cpu.max").write_text("much\n")
    assert processor_quota(tmp_path, own) is None
    (tmp_path / "cpu.max").write_text("")
    assert processor_quota(tmp_path, own) is None


@pytest.mark.parametrize(("quota", "threads"), [(None, 8), (0.3, 1), (2.5, 2), (16.0, 8)])
def test_threads_are_the_processors_within_the_quota(
    monkeypatch: pytest.MonkeyPatch, quota: float | None, threads: int
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(options, "processor_quota", lambda: quota)
    assert options.usable_threads(None) == threads
