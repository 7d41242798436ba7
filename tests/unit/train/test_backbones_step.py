"""The thesis' three backbones take steps on a CPU: both loaders, both heads, one and two streams, mixed precision."""

import functools
import importlib.util
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from kinfast import schema
from kinfast.data.augment import AugmentationSpec
from kinfast.data.composites import parse_composites
from kinfast.data.feed import LoaderSettings
from kinfast.data.labels import select_labels
from kinfast.data.loaders import make_loader
from kinfast.data.minibatch import Minibatch
from kinfast.data.store import PreparedStore
from kinfast.models import StreamClassifier, build_model
from kinfast.models.heads import build_head
from kinfast.train.stepping.losses import Loss, loss_kind
from kinfast.train.stepping.precision import choose_precision
from kinfast.train.stepping.step import Updater

SIDE = 64
HIDDEN = (16, 8)


@pytest.fixture(scope="module")
def serve(
    tmp_path_factory: pytest.TempPathFactory, write_store: Callable[..., PreparedStore]
) -> Callable[..., Minibatch]:
    store = write_store(tmp_path_factory.mktemp("steps") / "prepared", wells=4, side=SIDE)
    labels = select_labels(store.sites, label=schema.ROLE)
    settings = LoaderSettings(input_size=SIDE, batch_size=2, augmentation=AugmentationSpec(rotation_degrees=10.0))

    @functools.cache
    def first_batch(loader: str, streams: int) -> Minibatch:
        composites = parse_composites(("one", "two")[:streams], store)
        return next(iter(make_loader(loader, store, np.arange(4), composites, labels, settings).epoch(0)))

    return first_batch


@functools.cache
def network(backbone: str, streams: int) -> StreamClassifier:
    torch.manual_seed(0)
    # one stream is half of two: VGG16's initial values, its top's included, take seconds to draw
    return (
        build_model(backbone, (3, 3), 3)
        if streams == 2
        else StreamClassifier(network(backbone, 2).backbones[:1], nn.Identity())
    )


@pytest.mark.parametrize("head", ["modern", "thesis"])
@pytest.mark.parametrize("streams", [1, 2])
@pytest.mark.parametrize("loader", ["torch", "dali"])
@pytest.mark.parametrize("backbone", ["vgg16", "resnet50", "mobilenet_v2"])
def test_it_takes_a_step(serve: Callable[..., Minibatch], backbone: str, loader: str, streams: int, head: str) -> None:
    if loader == "dali" and importlib.util.find_spec("nvidia.dali") is None:
        pytest.skip("DALI is not installed")
    batch, model = serve(loader, streams), network(backbone, streams)
    width = sum(backbone_.n_features for backbone_ in model.backbones)
    model.head = build_head(head, width, 3, 0.1, HIDDEN)
    model.train()
    # half of the combinations in bfloat16: each loader, head and number of streams is seen in both formats
    precision = choose_precision("cpu", amp=(loader == "dali") ^ (head == "thesis") ^ (streams == 2))
    updater = Updater(model, torch.optim.SGD(model.parameters(), lr=1e-3), Loss(loss_kind(head, False)), precision, 5.0)
    before = next(model.parameters()).detach().clone()
    loss, logits, _ = updater.step(batch, 1e-3)
    assert torch.isfinite(loss)
    assert logits.shape == (2, 3)
    assert logits.dtype == torch.float32
    assert not torch.equal(before, next(model.parameters()))
