"""The control groups that this process is in, version 1 or 2, and the processors that they leave to it."""

import itertools
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

CGROUPS = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")


def groups_of_version_2(cgroups: Path = CGROUPS, own: Path = OWN_GROUPS) -> Iterator[Path]:
    """Yield the folders of this process's group and of those above it, whose limits hold for it too, the top first.

    Args:
        cgroups: where control groups are mounted.
        own: the system's /proc/self/cgroup, of lines such as `0::/a`.
    """
    return _upwards(cgroups, _path("", own))


def groups_of_version_1(controller: str, cgroups: Path = CGROUPS, own: Path = OWN_GROUPS) -> Iterator[Path]:
    """Yield the same of one of version 1's controllers, `memory` or `cpu`; the line is `4:memory:/b`."""
    return _upwards(cgroups / controller, _path(controller, own))


def processor_quota(cgroups: Path = CGROUPS, own: Path = OWN_GROUPS) -> float | None:
    """Give the processors' time that this process's groups may take, in processors; None without a limit.

    Source: the kernel's admin-guide/cgroup-v2 (cpu.max) and scheduler/sched-bwc (cpu.cfs_quota_us, -1 for no limit).
    """
    shares = [_share(*_words(group / "cpu.max")) for group in groups_of_version_2(cgroups, own)]
    for group in groups_of_version_1("cpu", cgroups, own):
        shares.append(_share(*_words(group / "cpu.cfs_quota_us"), *_words(group / "cpu.cfs_period_us")))
    return min((share for share in shares if share is not None), default=None)


def _path(controller: str, own: Path) -> str:
    """Read this process's group: a container that names none is at the top."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return "/"
    found = (line.split(":", 2) for line in lines if line.count(":") >= 2)
    return next((path for _, names, path in found if controller in names.split(",")), "/")


def _upwards(mounted: Path, path: str) -> Iterator[Path]:
    """Yield a group's folder and those above it. A container may name the host's: only the top is there."""
    names = [name for name in PurePosixPath(path).parts if name not in ("/", "..")]
    return itertools.accumulate(names, Path.joinpath, initial=mounted)


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []


def _share(quota: str = "max", period: str = "0") -> float | None:
    return int(quota) / int(period) if quota.isdecimal() and period.isdecimal() and int(period) else None
