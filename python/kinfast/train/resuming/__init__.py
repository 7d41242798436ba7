"""How training stops and goes on with the same bits: checkpoints, states of generators, signals."""
