"""The first convolution on any number of channels."""

import pytest
import torch
from torch import nn

from kinfast.models.stem import adapt_filters, adapt_stem, find_stem


@pytest.mark.parametrize("channels", [1, 2, 3, 5, 8])
def test_grey_images_give_the_same_activations_on_any_number_of_channels(channels: int) -> None:
    torch.manual_seed(0)
    stem = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.ReLU())
    grey = torch.rand(2, 1, 9, 9)
    before = stem(grey.expand(-1, 3, -1, -1))
    adapt_stem(stem, channels, keep_filters=True)
    after = stem(grey.expand(-1, channels, -1, -1))
    # 27 to 72 products of numbers below 1, summed in another order in float32 (eps 1.2e-7)
    torch.testing.assert_close(after, before, atol=1e-5, rtol=0)


def test_all_new_channels_see_the_mean_filter() -> None:
    filters = torch.tensor([3.0, 6.0, 9.0]).reshape(1, 3, 1, 1)
    assert adapt_filters(filters, 5).flatten().tolist() == pytest.approx([6 * 3 / 5] * 5)


def test_three_channels_keep_their_filters() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3))
    before = network[0].weight
    adapt_stem(network, 3, keep_filters=True)
    assert network[0].weight is before


def test_a_new_stem_keeps_everything_but_the_channels() -> None:
    network = nn.Sequential(nn.Sequential(nn.Conv2d(3, 8, 7, stride=2, padding=3, bias=False)), nn.ReLU())
    assert find_stem(network) == "0.0"
    adapt_stem(network, 5, keep_filters=False)
    stem = network.get_submodule("0.0")
    assert isinstance(stem, nn.Conv2d)
    assert (stem.in_channels, stem.out_channels, stem.kernel_size, stem.stride) == (5, 8, (7, 7), (2, 2))
    assert (stem.padding, stem.bias) == ((3, 3), None)


def test_a_network_without_a_convolution_is_named() -> None:
    with pytest.raises(ValueError, match="Linear has no convolution"):
        find_stem(nn.Linear(2, 2))
