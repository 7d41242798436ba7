"""The page of a reproduced Table 1: what shows, the tables, the figures; one file that needs no network."""

import html
from collections.abc import Mapping, Sequence
from pathlib import Path

from kinfast import __version__
from kinfast.report.page import Section, inline_image, make_page, paragraph
from kinfast.report.tables import Table, to_html, write_text
from kinfast.studies.scale import Scale

CAPTIONS = {
    "figure5": "Loss of the binary models: one plate and MiCoPh, the whole set and all five channels.",
    "figure6": "Loss of the binary models on the whole set, Adam and SGD.",
    "figure7": "The first two-stream models, MobileNetV2 with RMSprop and SGD.",
    "figure8": "VGG16: accuracy and loss, three modes, both inputs. Figures 8 to 10 have common axes.",
    "figure9": "ResNet50: accuracy and loss, three modes, both inputs. Figures 8 to 10 have common axes.",
    "figure10": "MobileNetV2: accuracy and loss, three modes, both inputs. Figures 8 to 10 have common axes.",
    "figure11": "ROC curves of all classes, MobileNetV2, input two: Adam and SGD.",
}


def write_page(
    tables: Sequence[Table], figures: Mapping[str, Path], lines: Sequence[str], scale: Scale, path: Path
) -> Path:
    """Write the page, and its text and tables as Markdown beside it."""
    lead = '<ul class="verdicts">' + "".join(f"<li>{html.escape(line)}</li>" for line in lines) + "</ul>\n"
    if scale.local_weights:
        lead += paragraph(
            "Small scale: 48-pixel inputs, a few dozen steps, random weights from a file in the place of ImageNet's."
            " The pattern is the thesis'; the numbers are no measure of the models.",
            "note",
        )
    pictures = "".join(
        inline_image(file, name, f"{name.replace('figure', 'Figure ')}. {CAPTIONS[name]}")
        for name, file in figures.items()
    )
    sections = [
        Section("tables", "Tables", "".join(to_html(table) for table in tables)),
        Section("figures", "Figures", pictures),
    ]
    page = make_page(
        "Tables 1 to 3 and Figures 5 to 11, made again",
        f"scale {scale.name}; the thesis' own numbers stand beside ours",
        lead,
        sections,
        f"kinfast {__version__}. Every run is an ordinary run folder in runs/.",
    )
    write_text(page, path)
    return path
