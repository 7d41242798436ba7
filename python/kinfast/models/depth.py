"""How deep a parameter lies in its backbone: in which of the blocks that the network is made of, by its names.

A block is what the first numbered part of a name says: `layer3` of a ResNet, `features.7` of a MobileNetV2, a
convolution of a VGG16, an encoder layer of a transformer. What has no number of its own, and what holds no matrix
(batch normalisation after a first convolution), belongs to the block before it.
"""

from collections.abc import Iterator

from torch import nn

from kinfast.models.streams import StreamClassifier


def group_by_depth(model: StreamClassifier) -> list[list[nn.Parameter]]:
    """Group a classifier's parameters from the head down: the head, the last blocks of all streams, …, the first.

    A group may be empty: a head of nothing, or a block of a shorter stream. Each parameter is in one group.
    """
    streams = [list(_blocks(backbone)) for backbone in model.backbones]
    groups = [list(model.head.parameters())]
    for depth in range(1, 1 + max(map(len, streams))):
        groups.append([value for blocks in streams for value in blocks[-depth] if depth <= len(blocks)])
    return groups


def _blocks(backbone: nn.Module) -> Iterator[list[nn.Parameter]]:
    """Yield the blocks' parameters, in the order in which they were defined."""
    found: dict[str, list[tuple[str, nn.Parameter]]] = {}
    last = ""
    for name, value in backbone.named_parameters():
        last = _block_name(name) or last
        found.setdefault(last, []).append((name, value))
    block: list[nn.Parameter] = []
    for members in found.values():
        values = [value for _, value in members]
        if any(value.ndim > 1 for value in values) and block:
            yield block
            block = []
        block += values
    if block:
        yield block


def _block_name(name: str) -> str:
    """Give a parameter's name up to its first part with a number; empty where it has none."""
    parts = name.removeprefix("network.").split(".")
    numbered = [index for index, part in enumerate(parts[:-1]) if any(sign.isdigit() for sign in part)]
    return ".".join(parts[: numbered[0] + 1]) if numbered else ""
