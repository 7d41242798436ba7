"""Run under faults.c: reads one image in every way while each fault lasts, and prints what came as JSON."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kinfast import io


def outcome(read: Callable[[], Any]) -> list[str]:
    try:
        found = read()
    except Exception as error:
        return [type(error).__name__, str(error)]
    error = found[0] if isinstance(found, list) else None
    return [type(error).__name__, str(error)] if isinstance(error, Exception) else ["pixels", ""]


def main(good: str, faults: list[str]) -> None:
    content = Path(good).read_bytes()
    bad = Path(good).with_name("marked.tif")
    ways = {
        "imread": lambda: io.imread(bad),
        "imread_many": lambda: io.imread_many([bad, good], threads=2, errors="return"),
        "read_info": lambda: io.read_info(bad),
    }
    found = {}
    for fault in faults:
        for name, read in ways.items():
            bad.write_bytes(content)
            os.environ["KINFAST_FAULT"] = fault
            found[f"{fault} {name}"] = outcome(read)
            del os.environ["KINFAST_FAULT"]
            found[f"{fault} {name}"] += outcome(lambda: io.imread(good))
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
