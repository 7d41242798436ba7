"""Training: from a prepared store to a run's folder, and a run's answers about any store.

`run` is the way in; `assemble` makes models and loaders of a plan, `fit` trains one fold, `inference` asks its model.
The rooms beside them: `planning` (what a run will do), `stepping` (one step), `watching` (what is seen of it),
`processes` (several together), `resuming` (stopping and going on), `finished` (what a finished run is asked).
"""

from kinfast.train.finished.apply import embed_sites, predict
from kinfast.train.run import resume, train

__all__ = ["embed_sites", "predict", "resume", "train"]
