"""A run's tables and verdicts."""
