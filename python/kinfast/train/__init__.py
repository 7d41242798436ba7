"""Training: from a prepared store to a run's folder."""

from kinfast.train.run import resume, train

__all__ = ["resume", "train"]
