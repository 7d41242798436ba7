"""The illumination field of a plate x channel: estimators, each in its own module, and the verdict on what they found.

`estimate.fit_illumination` is the way in. `likelihood` is what `auto` uses; `basic` is BaSiC; `smooth` holds
CellProfiler's ways; `verdict` judges any of them on wells that the estimate did not see.
`light.fit_light` adds what changes within the plate: `change` finds it, `parts` names rows and stretches.
"""
