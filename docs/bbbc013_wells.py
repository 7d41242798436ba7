"""Make the table of wells of the BBBC013 plate from the metadata file beside its images.

Usage: python docs/bbbc013_wells.py 1049_Metadata.csv wells.csv

Rows A to D got wortmannin, rows E to H LY294002; SBS_Controls is -1 for negative and 1 for positive controls,
0 for the nine rising doses.
Source: the Broad Bioimage Benchmark Collection's page of BBBC013.
"""

import csv
import sys
from pathlib import Path

ROLES = {"-1": "negcon", "1": "poscon", "0": "trt"}


def make_wells(metadata: Path, out: Path) -> None:
    """Write plate-independent rows: well, compound, target, dose index, role."""
    with metadata.open(newline="") as source, out.open("w", newline="") as sink:
        table = csv.writer(sink)
        table.writerow(["well", "compound", "target", "dose_index", "role"])
        for row in csv.DictReader(source):
            role = ROLES[row["SBS_Controls"]]
            compound = "wortmannin" if row["Row"] in "ABCD" else "LY294002"
            table.writerow(
                [
                    f"{row['Row']}{row['Column']}",
                    "DMSO" if role == "negcon" else compound,
                    "" if role == "negcon" else "PI3K",
                    row["SBS_Doses"],
                    role,
                ]
            )


if __name__ == "__main__":
    make_wells(Path(sys.argv[1]), Path(sys.argv[2]))
