"""The plate simulator: raw plates whose truth is known."""
