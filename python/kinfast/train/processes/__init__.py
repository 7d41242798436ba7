"""Several processes: those that train one model together, and those that train folds side by side."""
