"""What is seen of a training while it runs, and what follows from it: sums, rates, traces, early stopping."""
