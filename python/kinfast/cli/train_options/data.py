"""What is learned: labels, policies, splits."""

from pathlib import Path
from typing import Annotated

from kinfast.cli.train_options.panels import DATA, option

Task = Annotated[
    str | None,
    option(
        "--task",
        panel=DATA,
        text="role, compound, target, target-group, targets (several labels) or target-profile (with "
        "--selectivity). Default: target where known, else role.",
    ),
]
Selectivity = Annotated[
    Path | None,
    option("--selectivity", panel=DATA, text="Table: rows compounds, columns kinases.", show_default=False),
]
SelectivityKind = Annotated[
    str, option("--selectivity-kind", panel=DATA, text="inhibition or remaining (percent), kd (nM), or auto.")
]
MinCompounds = Annotated[
    int, option("--min-compounds", panel=DATA, min=0, text="Classes of fewer compounds are left out, and named.")
]
Label = Annotated[
    str | None, option("--label", panel=DATA, text="Any column of sites.parquet, in the place of a task.")
]
Classes = Annotated[
    str | None,
    option("--classes", panel=DATA, text="The label's values that count, as one CSV row. Default: all."),
]
DropInactive = Annotated[
    Path | None,
    option("--drop-inactive", panel=DATA, text="activity.csv: inactive compounds are not trained on."),
]
Policy = Annotated[
    list[str] | None,
    option(
        "--policy",
        panel=DATA,
        metavar="FLAG=WHAT",
        text="Flagged sites: exclude, keep or only-report; repeatable. few_cells=exclude, debris=keep.",
        show_default=False,
    ),
]
Plates = Annotated[
    str | None,
    option("--plates", panel=DATA, text="Only these, as one CSV row; `first` is the first.", show_default=False),
]
SplitBy = Annotated[
    str | None,
    option(
        "--split-by",
        panel=DATA,
        text="image, well, plate, compound or compound-plate. Default: compound if possible, else well.",
    ),
]
Folds = Annotated[
    int | None,
    option("--folds", panel=DATA, min=2, text="Cross-validation. Default: one split.", show_default=False),
]
Repeats = Annotated[int, option("--repeats", panel=DATA, min=1, text="Deal the folds out anew so many times.")]
TestOn = Annotated[
    Path | None,
    option("--test-on", panel=DATA, metavar="PREPARED", text="Test on all of this second store.", show_default=False),
]
ValidationFraction = Annotated[float, option("--validation-fraction", panel=DATA, text="Of what is not test.")]
TestFraction = Annotated[float, option("--test-fraction", panel=DATA, text="Without folds.")]
AllowLeak = Annotated[
    bool, option("--allow-leak", panel=DATA, text="Train though train and test share wells (a split by image).")
]
