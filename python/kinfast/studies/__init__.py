"""Many runs of one question: the thesis' recipes and tables, sweeps, comparisons of optimisers."""
