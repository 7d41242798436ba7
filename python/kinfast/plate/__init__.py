"""Plates: from a folder of files to sites with channels, labels, and a list of what is amiss."""
