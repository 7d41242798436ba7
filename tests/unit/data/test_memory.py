"""How much memory may be taken, from files as the kernel writes them."""

from pathlib import Path

import pytest

from kinfast.data.memory import available_bytes

FREE = 4000 * 1024
UNLIMITED = 9223372036854771712
"""What version 1 says where nobody set a limit."""


@pytest.fixture
def meminfo(tmp_path: Path) -> Path:
    path = tmp_path / "meminfo"
    path.write_text("MemTotal:  8000 kB\nMemAvailable:    4000 kB\n")
    return path


def write_group(folder: Path, version: int, limit: int | str, used: int, unused_files: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    limit_file, used_file = (
        ("memory.max", "memory.current") if version == 2 else ("memory.limit_in_bytes", "memory.usage_in_bytes")
    )
    (folder / limit_file).write_text(f"{limit}\n")
    (folder / used_file).write_text(f"{used}\n")
    name = "inactive_file" if version == 2 else "total_inactive_file"
    (folder / "memory.stat").write_text(f"cache 5\n{name} {unused_files}\nactive_file 7\n")


@pytest.mark.parametrize(("version", "mounted"), [(2, "."), (1, "memory")])
def test_the_least_of_machine_and_group_counts(tmp_path: Path, meminfo: Path, version: int, mounted: str) -> None:
    cgroups, own = tmp_path / "cgroup", tmp_path / "own"
    own.write_text("9:name=systemd:/\n4:cpu,memory:/\n0::/\n")
    assert available_bytes(meminfo, cgroups, own) == FREE
    write_group(cgroups / mounted, version, 3_000_000, 1_000_000)
    assert available_bytes(meminfo, cgroups, own) == 2_000_000
    write_group(cgroups / mounted, version, 3_000_000, 2_900_000, unused_files=2_000_000)
    assert available_bytes(meminfo, cgroups, own) == 2_100_000  # of the files that were read, most make way
    write_group(cgroups / mounted, version, "max" if version == 2 else UNLIMITED, 1_000_000)
    assert available_bytes(meminfo, cgroups, own) == FREE
    write_group(cgroups / mounted, version, 3_000_000, 3_500_000)
    assert available_bytes(meminfo, cgroups, own) == 0


@pytest.mark.parametrize(
    ("version", "mounted", "line"), [(2, ".", "0::/above/here"), (1, "memory", "4:memory:/above/here")]
)
def test_groups_above_this_one_limit_it_too(
    tmp_path: Path, meminfo: Path, version: int, mounted: str, line: str
) -> None:
    cgroups, own = tmp_path / "cgroup", tmp_path / "own"
    own.write_text(f"{line}\n")
    write_group(cgroups / mounted / "above/here", version, 3_000_000, 0)
    assert available_bytes(meminfo, cgroups, own) == 3_000_000
    write_group(cgroups / mounted / "above", version, 2_500_000, 0)
    assert available_bytes(meminfo, cgroups, own) == 2_500_000
    write_group(cgroups / mounted / "aside", version, 1, 0)
    assert available_bytes(meminfo, cgroups, own) == 2_500_000
    own.unlink()
    assert available_bytes(meminfo, cgroups, own) == FREE


def test_where_nothing_can_be_read_there_is_none(tmp_path: Path) -> None:
    assert available_bytes(tmp_path / "absent", tmp_path, tmp_path) == 0
