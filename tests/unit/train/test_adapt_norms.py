"""Batch normalisation by a plate's controls: a plate's gain and offset go, and the model is afterwards as before."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from kinfast import schema
from kinfast.config import TrainConfig
from kinfast.data.store import PreparedStore
from kinfast.errors import InputError, UsageError
from kinfast.models import StreamClassifier
from kinfast.train.finished.adapt_norms import ask_by_plate, control_rows, control_statistics
from kinfast.train.processes.device import choose_device
from kinfast.train.stepping.precision import choose_precision


class Batch:
    """As much of a minibatch as a forward pass needs."""

    def __init__(self, images: torch.Tensor) -> None:
        self.streams = [images]


def small_model() -> StreamClassifier:
    torch.manual_seed(0)
    # no padding: an offset of the image is then an offset of the map, which normalisation takes away
    body = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8), nn.ReLU()
    )
    return StreamClassifier([body], nn.Sequential(nn.Dropout(0.5), nn.Linear(8, 2))).eval()


def test_a_plates_gain_and_offset_do_not_change_answers() -> None:
    model, precision = small_model(), choose_precision(choose_device("cpu"), amp=False)
    images = torch.randn(24, 3, 12, 12)
    controls, treated = images[:16], images[16:]
    before = {name: value.clone() for name, value in model.state_dict().items()}
    said = []
    for gain, offset in ((1.0, 0.0), (2.5, 3.0)):
        batches = [Batch(controls[:8] * gain + offset), Batch(controls[8:] * gain + offset)]
        with control_statistics(model, batches, precision), torch.no_grad():
            said.append(model([treated * gain + offset]))
    # epsilon, 1e-5, beside variances of order 0.1 scales a map by about 5e-5 of itself, and answers are of order 0.1
    torch.testing.assert_close(said[0], said[1], rtol=0, atol=1e-4)
    with torch.no_grad():
        plain = [model([treated]), model([treated * 2.5 + 3.0])]
    assert (plain[0] - plain[1]).abs().max() > 0.01  # a hundred times as much
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(part.training for part in model.modules())
    assert all(part.momentum == 0.1 for part in model.modules() if isinstance(part, nn.BatchNorm2d))


def test_a_model_without_normalisation_is_refused() -> None:
    model = StreamClassifier([nn.Conv2d(3, 4, 3)], nn.Sequential(nn.Linear(4, 2)))
    with (
        pytest.raises(UsageError, match="no batch normalisation to adapt"),
        control_statistics(model, [], choose_precision(choose_device("cpu"), amp=False)),
    ):
        pass


def test_answers_come_back_in_the_tables_order(write_store: Callable[..., PreparedStore], tmp_path: Path) -> None:
    sites = write_store(tmp_path / "s", plates=2, wells=18).sites.sample(frac=1, random_state=0).reset_index(drop=True)
    controls = control_rows(sites)
    assert {plate: len(rows) for plate, rows in controls.items()} == {"P0": 12, "P1": 12}
    assert (sites.loc[controls["P1"], [schema.PLATE, schema.ROLE]] == ["P1", "negcon"]).all(axis=None)
    (rows,) = ask_by_plate(sites, {}, lambda rows, known: (rows.astype(np.float32),))
    assert rows.tolist() == list(range(len(sites)))
    sites[schema.ROLE] = "trt"
    with pytest.raises(InputError, match="8 unflagged sites of negative controls"):
        control_rows(sites)


def test_predict_adapts_each_plate(
    write_store: Callable[..., PreparedStore], tmp_path: Path, quick: TrainConfig
) -> None:
    from dataclasses import replace

    from kinfast.train import predict, train
    from kinfast.train.finished.apply import embed_sites

    store = write_store(tmp_path / "s", plates=2, wells=18)
    config = replace(quick, backbone="mobilenet_v2", input_size=32, folds=1, epochs=1, steps_per_epoch=1)
    run = train(store, config, tmp_path / "r")
    how = {"device": "cpu", "loader": "torch"}
    plain, adapted = predict(run, store, **how), predict(run, store, adapt_bn="controls", **how)
    assert plain[schema.KEY].equals(adapted[schema.KEY])
    assert np.isfinite(adapted["probability_negcon"]).all()
    assert (plain["probability_negcon"] - adapted["probability_negcon"]).abs().max() > 1e-3
    (features,) = embed_sites(run, store, adapt_bn="controls", **how)
    assert features.shape == (len(store.sites), 2 * 1280)
    with pytest.raises(UsageError, match="no --adapt-bn 'x'"):
        predict(run, store, adapt_bn="x", **how)
