"""Dead units are counted exactly, in maps and vectors, and a layer that is used twice counts twice."""

import pytest
import torch
from torch import nn

from kinfast.train.watching.dead_relus import dead_shares, watch_relus


class Twice(nn.Module):
    """A map, the same ReLU a second time, and a vector."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 1)
        self.relu = nn.ReLU(inplace=True)
        self.last = nn.ReLU6()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        maps = self.relu(self.first(images))
        return self.last(self.relu(maps - 1).mean(dim=(2, 3)))


def test_shares_are_exact_over_all_batches() -> None:
    model = Twice()
    with torch.no_grad():
        model.first.weight[:] = torch.tensor([1.0, 1.0, 1.0, 1.0]).reshape(4, 1, 1, 1)
        model.first.bias[:] = torch.tensor([0.0, -0.5, -1.5, -9.0])
    images = torch.zeros(2, 1, 3, 3)
    images[1, 0, 1, 1] = 2.0
    with watch_relus(model) as fired, torch.inference_mode():
        model(images[:1])  # nothing is above 0 here
        model(images[1:])
    # the units give 2, 1.5, 0.5 and nothing; less one: 1, 0.5 and nothing twice
    assert dead_shares(fired) == pytest.approx({"relu": 0.25, "relu#2": 0.5, "last": 0.5})
    assert not model.relu._forward_hooks
    assert not model._forward_pre_hooks
