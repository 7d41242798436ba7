"""ReLU units that answer nothing: counted while the validation part goes through the model."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from kinfast.train.processes.ranks import Ranks

RELUS = (nn.ReLU, nn.ReLU6)


@contextmanager
def watch_relus(model: nn.Module) -> Iterator[Mapping[str, Tensor]]:
    """Watch a model's ReLUs: name -> (n_units,) bool, which units were ever above 0.

    A unit is a channel of a map, or a feature of a vector. A layer that is used several times in a pass counts each
    time for itself (`name`, `name#2`). Networks that call ReLU as a function have none to watch.
    """
    fired: dict[str, Tensor] = {}
    calls: dict[str, int] = {}

    def begin(*_: Any) -> None:
        calls.clear()

    def look(name: str) -> Any:
        def hook(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
            calls[name] = calls.get(name, 0) + 1
            key = name if calls[name] == 1 else f"{name}#{calls[name]}"
            own = (output > 0).transpose(0, 1).flatten(1).any(dim=1)
            fired[key] = own if key not in fired else fired[key] | own

        return hook

    handles = [model.register_forward_pre_hook(begin)]
    handles += [
        layer.register_forward_hook(look(name)) for name, layer in model.named_modules() if type(layer) in RELUS
    ]
    try:
        yield fired
    finally:
        for handle in handles:
            handle.remove()


def whole_fired(fired: Mapping[str, Tensor], ranks: Ranks) -> dict[str, Tensor]:
    """Tell which units were above 0 for any process's sites. A process that had no site watched none."""
    if ranks.size == 1:
        return dict(fired)
    sizes: dict[str, int] = {}
    for text in ranks.each(json.dumps({name: len(units) for name, units in fired.items()})):
        sizes |= json.loads(text)
    if not sizes:
        return {}
    parts = [fired[name].cpu() if name in fired else torch.zeros(n, dtype=torch.bool) for name, n in sizes.items()]
    own = torch.cat(parts).to(torch.uint8)
    ever = ranks.whole(own[None], ranks.rank, ranks.size).any(dim=0)
    return dict(zip(sizes, torch.split(ever, list(sizes.values())), strict=True))


def dead_shares(fired: Mapping[str, Tensor]) -> dict[str, float]:
    """Give the share of each layer's units that were never above 0."""
    with torch.inference_mode():
        return {name: round(1 - float(units.float().mean()), 6) for name, units in fired.items()}
