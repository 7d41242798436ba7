"""`kinfast train`'s options, a module for each panel of its `--help`."""
