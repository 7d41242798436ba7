"""Training: from a prepared store to a run's folder, and a run's answers about any store."""

from kinfast.train.apply import embed_sites, predict
from kinfast.train.run import resume, train

__all__ = ["embed_sites", "predict", "resume", "train"]
