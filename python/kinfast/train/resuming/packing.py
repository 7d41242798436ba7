"""Nested states (of optimisers, of scalers) as named tensors and JSON: read back without executing anything."""

import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

_TENSOR, _ITEMS = "$tensor", "$items"


def pack(tree: Any) -> tuple[dict[str, Tensor], str]:
    """Part a tree of mappings, sequences, scalars and tensors.

    Returns:
        The tensors, on the CPU, contiguous, each once however often it stands in the tree; and the rest as JSON, which
        names them. Floats come back bit for bit; tuples come back as lists.

    Raises:
        TypeError: something else is in the tree.
    """
    tensors: dict[str, Tensor] = {}
    seen: dict[int, str] = {}

    def part(node: Any) -> Any:
        if isinstance(node, Tensor):
            if id(node) not in seen:
                seen[id(node)] = str(len(seen))
                tensors[seen[id(node)]] = node.detach().cpu().contiguous()
            return {_TENSOR: seen[id(node)]}
        if isinstance(node, Mapping):  # JSON's own keys are text; an optimiser's are numbers
            return {_ITEMS: [[key, part(value)] for key, value in node.items()]}
        if isinstance(node, (list, tuple)):
            return [part(value) for value in node]
        if node is None or isinstance(node, (bool, int, float, str)):
            return node
        raise TypeError(f"a state holds a {type(node).__name__}, which cannot be kept")

    rest = part(tree)
    return tensors, json.dumps(rest)


def unpack(tensors: Mapping[str, Tensor], rest: str) -> Any:
    """Put together what `pack` parted.

    Raises:
        ValueError, KeyError, TypeError: the two do not belong together.
    """

    def whole(node: Any) -> Any:
        if isinstance(node, list):
            return [whole(value) for value in node]
        if isinstance(node, dict):
            return tensors[node[_TENSOR]] if _TENSOR in node else {key: whole(value) for key, value in node[_ITEMS]}
        return node

    return whole(json.loads(rest))


def restore_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Load an optimiser's state, each part as a new optimiser has it.

    What is of a parameter's shape takes its layout: fused kernels run through both in one order. Scalars stay on the
    host, unless kernels read them: torch moves NAdam's product of momenta to the GPU, and then waits for the GPU to
    hear it, once a parameter in each step.
    """
    optimizer.load_state_dict(state)
    number = 0
    for group in optimizer.param_groups:
        on_host = not (group.get("fused") or group.get("capturable"))
        for parameter in group["params"]:
            kept, values = state["state"].get(number, {}), optimizer.state.get(parameter, {})
            for name, value in kept.items():
                if isinstance(value, Tensor) and value.shape == parameter.shape:
                    values[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)
                elif isinstance(value, Tensor) and value.ndim == 0 and on_host:
                    values[name] = value.cpu().clone()
            number += 1
