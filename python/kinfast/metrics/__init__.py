"""Arrays in, numbers out: scores, intervals, baselines."""
