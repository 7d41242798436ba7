"""Make the pictures in docs/pictures with the commands that a user types.

Usage: python docs/make_docs.py [--plate FOLDER]

FOLDER is a copy of the BBBC013 plate (`plates/bbbc013` in KINFAST_TEST_DATA, where that is set); without one its figure
is left as it is. With one it takes about half an hour on two cores: three seeds, and as many with permuted labels.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).parent
PICTURES = DOCS / "pictures"
SITE = "P009063_C04_s2"
"""The site that the README shows."""
SEEDS = (0, 1, 2)
TRAIN = (
    "--backbone mobilenet_v2 --weights none --label Metadata_Role --classes negcon,poscon --split-by well --folds 4 "
    "--input-size 128 --batch-size 16 --epochs 12"
)


def run(*words: str | Path) -> None:
    """Run a command and stop where it fails; 1 means that something stands in quarantine."""
    if subprocess.run([str(word) for word in words], check=False).returncode not in (0, 1):
        raise SystemExit(f"failed: {' '.join(str(word) for word in words)}")


def make_panel(work: Path) -> None:
    """Simulate a plate and show one site as its three composites."""
    plates, prepared, images = work / "plates", work / "prepared", work / "composites"
    run(
        "kinfast",
        "simulate",
        plates,
        "--plates",
        "1",
        "--wells",
        "24",
        "--sites",
        "2",
        "--size",
        "540",
        "--cells",
        "40",
    )
    run("kinfast", "preprocess", plates, "--out", prepared)
    run("kinfast", "composites", prepared, "--out", images, "--panel")
    shutil.copyfile(images / "panel" / f"{SITE}.png", PICTURES / "panel.png")


def make_bbbc013(plate: Path, work: Path) -> None:
    """Train on the real plate, with its labels and with permuted ones, and draw the dose curves."""
    wells = work / "wells.csv"
    run(sys.executable, DOCS / "bbbc013_wells.py", plate / "ExampleSBSImages" / "1049_Metadata.csv", wells)
    for seed in SEEDS:
        permuted = work / f"permuted-{seed}.csv"
        run(sys.executable, DOCS / "bbbc013_permute.py", wells, permuted, str(seed))
        for name, table in ((f"true-{seed}", wells), (f"permuted-{seed}", permuted)):
            prepared = work / f"prepared-{name}"
            run(
                "kinfast",
                "preprocess",
                plate,
                "--spec",
                "bbbc013",
                "--metadata",
                table,
                "--size",
                "512",
                "--out",
                prepared,
            )
            run("kinfast", "train", prepared, *TRAIN.split(), "--seed", str(seed), "--out", work / name)
    true, shuffled = ([work / f"{kind}-{seed}" for seed in SEEDS] for kind in ("true", "permuted"))
    run(sys.executable, DOCS / "bbbc013_results.py", PICTURES / "bbbc013.png", *true, "--permuted", *shuffled)


def make_contact_sheets(plate: Path, work: Path) -> None:
    """Show every site of the real plate, and the Phenix field where it lies beside it, for a person to judge."""
    wells = work / "contact-wells.csv"
    run(sys.executable, DOCS / "bbbc013_wells.py", plate / "ExampleSBSImages" / "1049_Metadata.csv", wells)
    sheets = [(plate, ["--spec", "bbbc013", "--metadata", wells], "contact_bbbc013.png", "48")]
    if (phenix := plate.parent / "phenix-cell-painting-6ch").is_dir():
        sheets.append((phenix, [], "contact_phenix.png", "150"))
    for plates, options, picture, side in sheets:
        prepared = work / picture
        run("kinfast", "preprocess", plates, *options, "--size", "512", "--out", prepared)
        run(sys.executable, DOCS / "contact_sheet.py", prepared, PICTURES / picture, "--side", side)


def main() -> None:
    """Make what can be made here."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = os.environ.get("KINFAST_TEST_DATA")
    parser.add_argument("--plate", type=Path, default=Path(data) / "plates" / "bbbc013" if data else None)
    given = parser.parse_args()
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        make_panel(Path(folder))
        if given.plate is not None:
            make_contact_sheets(given.plate, Path(folder))
            make_bbbc013(given.plate, Path(folder))


if __name__ == "__main__":
    main()
