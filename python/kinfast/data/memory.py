"""How much memory of the host is free to take, within the limits of the control groups that this process is in."""

from collections.abc import Iterator
from pathlib import Path

from kinfast.control_groups import CGROUPS, OWN_GROUPS, groups_of_version_1, groups_of_version_2

MEMINFO = Path("/proc/meminfo")


def available_bytes(meminfo: Path = MEMINFO, cgroups: Path = CGROUPS, own: Path = OWN_GROUPS) -> int:
    """Give the host's memory that is free to take; 0 where it cannot be read.

    It is the least of what the system has and what each control group leaves (version 1 or 2, this process's group and
    those above it). Files that a group's processes have read count against it, but make way when memory is wanted: what
    the system has not used lately of them counts as free.

    Args:
        meminfo: the system's /proc/meminfo.
        cgroups: where control groups are mounted.
        own: the system's /proc/self/cgroup.
    """
    try:
        lines = dict(line.split(":") for line in meminfo.read_text().splitlines() if ":" in line)
        free = int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return 0
    return max(0, min([free, *_left_by_groups(cgroups, own)]))


def _left_by_groups(cgroups: Path, own: Path) -> Iterator[int]:
    """Yield what each group leaves that has a limit."""
    for group in groups_of_version_2(cgroups, own):
        yield from _left(group, "memory.max", "memory.current", "inactive_file")
    for group in groups_of_version_1("memory", cgroups, own):
        yield from _left(group, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def _left(group: Path, limit: str, used: str, unused_files: str) -> Iterator[int]:
    try:
        # a group without a limit says "max", which is no number, or in version 1 one that is never the least
        free = int((group / limit).read_text()) - int((group / used).read_text())
    except (OSError, ValueError):
        return
    yield free + _statistic(group / "memory.stat", unused_files)


def _statistic(path: Path, name: str) -> int:
    try:
        return next(int(line.split()[1]) for line in path.read_text().splitlines() if line.split()[:1] == [name])
    except (OSError, ValueError, IndexError, StopIteration):
        return 0
