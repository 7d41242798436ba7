"""Annotation: plate maps joined with compound libraries, each cell with where it came from, every doubt listed."""
