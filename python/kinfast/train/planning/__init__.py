"""What a run will do, decided before anything is computed: options, labels, split, streams, and their description."""
