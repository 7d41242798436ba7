"""Activation checkpointing: a backbone in segments, of which training keeps the inputs and computes the rest again.

A network's graph is cut where one tensor alone flows on, into segments that hold about as many values each, as many
segments as nodes have a square root. Source: Chen et al. 2016, arXiv:1604.06174.
"""

import copy
import itertools
import math
import operator
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx.passes.shape_prop import ShapeProp
from torch.utils.checkpoint import checkpoint

Pass = Callable[[Tensor], Tensor]
_PROBE_PIXELS = 224
_NORMS = nn.modules.batchnorm._BatchNorm
_IN_PLACE = (operator.iadd, operator.isub, operator.imul, operator.itruediv)


def recomputed(backbone: nn.Module, channels: int) -> Pass:
    """Give a training pass through a backbone that keeps few activations: the same outputs, gradients and statistics.

    Args:
        backbone: on its device; its parameters are shared. (B, channels, S, S) to (B, n_features, h, w).
        channels: of the images.
    """
    segments = split_graph(backbone, channels)

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _without_statistics(backbone)

    def run(images: Tensor) -> Tensor:
        *earlier, last = segments
        for segment in earlier:
            images = checkpoint(segment, images, use_reentrant=False, context_fn=contexts)
        features: Tensor = last(images)  # its activations are wanted at once: nothing would be saved
        return features

    return run


def split_graph(backbone: nn.Module, channels: int) -> list[Pass]:
    """Cut a backbone's training graph into segments that follow each other."""
    backbone.train()
    network = getattr(backbone, "network", backbone)
    traced = network if isinstance(network, fx.GraphModule) else fx.symbolic_trace(backbone)
    sizes = _value_sizes(traced, channels)
    nodes = list(traced.graph.nodes)
    segments: list[Pass] = []
    for start, stop in _stretches(nodes, sizes, _cuts(traced, nodes)):
        segments.append(_segment(traced, nodes[start:stop]))
    return segments


def _value_sizes(traced: fx.GraphModule, channels: int) -> list[int]:
    """Count the values that each node gives, in the nodes' order, by shapes alone."""
    shapes = copy.deepcopy(traced).to("meta")
    ShapeProp(shapes).propagate(torch.empty(2, channels, _PROBE_PIXELS, _PROBE_PIXELS, device="meta"))
    found = []
    for node in shapes.graph.nodes:
        meta = node.meta.get("tensor_meta")
        shape = getattr(meta, "shape", None)
        found.append(math.prod(shape) if shape is not None and node.op.startswith("call") else 0)
    return found


def _overwritten(traced: fx.GraphModule) -> set[fx.Node]:
    """Find the nodes whose value another one writes into, as torchvision's ReLUs and sums of skips do."""
    found = set()
    for node in traced.graph.nodes:
        if node.op == "call_module":
            writes = bool(getattr(traced.get_submodule(str(node.target)), "inplace", False))
        elif node.op == "call_function":
            name = getattr(node.target, "__name__", "")
            writes = bool(node.kwargs.get("inplace", False)) or name.endswith("_") or node.target in _IN_PLACE
        else:
            writes = node.op == "call_method" and str(node.target).endswith("_")
        if writes and isinstance(node.args[0], fx.Node):
            found.add(node.args[0])
    return found


def _stretches(nodes: Sequence[fx.Node], sizes: Sequence[int], cuts: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """Yield where segments begin and end: after a node that may be cut behind."""
    inside = [index for index, node in enumerate(nodes) if node.op.startswith("call")]
    goal = sum(sizes) / max(1.0, math.sqrt(len(inside)))
    start, held = inside[0], 0
    for index, later in itertools.pairwise(inside):
        held += sizes[index]
        shrinks = cuts[later] and sizes[later] < sizes[index]  # what a pooling gives is less to keep than what it takes
        if held >= goal and cuts[index] and not shrinks:
            yield start, index + 1
            start, held = index + 1, 0
    yield start, len(nodes)


def _cuts(traced: fx.GraphModule, nodes: Sequence[fx.Node]) -> list[bool]:
    """Tell behind which nodes a network may be cut: where their value alone is used later on, and stays as it is.

    What a segment begins with is kept and given again, so that nothing in it may write into that.
    """
    overwritten = _overwritten(traced)
    return [node not in overwritten and _flows_alone(nodes, index) for index, node in enumerate(nodes)]


def _flows_alone(nodes: Sequence[fx.Node], index: int) -> bool:
    place = {node: at for at, node in enumerate(nodes)}
    crossing = [
        node for node in nodes[: index + 1] if node.op != "get_attr" and any(place[user] > index for user in node.users)
    ]
    return crossing == [nodes[index]]


def _segment(traced: fx.GraphModule, nodes: Sequence[fx.Node]) -> Pass:
    """Make a module of some nodes in a row; layers are shared with the network that they are of."""
    graph = fx.Graph()
    entrance = graph.placeholder("images")
    known: dict[fx.Node, fx.Node] = {}

    def given(node: fx.Node) -> fx.Node:
        if node not in known:
            known[node] = graph.node_copy(node, given) if node.op == "get_attr" else entrance
        return known[node]

    for node in nodes:
        if node.op == "output":
            said: Any = node.args[0]
            graph.output(given(next(iter(said.values())) if isinstance(said, dict) else said))
        else:
            known[node] = graph.node_copy(node, given)
    if nodes[-1].op != "output":
        graph.output(known[nodes[-1]])
    return fx.GraphModule(traced, graph)


@contextmanager
def _without_statistics(backbone: nn.Module) -> Iterator[None]:
    """Compute again without counting again: a batch goes into the running statistics once, here with a weight of 0."""
    norms: list[Any] = [module for module in backbone.modules() if isinstance(module, _NORMS)]
    before = [(module, module.momentum, module.num_batches_tracked) for module in norms if module.track_running_stats]
    for module, _, _ in before:
        module.momentum, module.num_batches_tracked = 0.0, None
    try:
        yield
    finally:
        for module, momentum, count in before:
            module.momentum, module.num_batches_tracked = momentum, count
