"""What is seen of training: event files, the note beside the bar, the trace and its words."""

import io
import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace as Event

import pytest
import torch
from rich.console import Console

from kinfast.cli.progress import TerminalReporter
from kinfast.config import TrainConfig
from kinfast.data.store import PreparedStore
from kinfast.errors import UsageError
from kinfast.progress import Silent
from kinfast.train import resume, train
from kinfast.train.stepping.precision import Precision
from kinfast.train.watching import events, trace
from kinfast.train.watching.sums import Sums
from kinfast.train.watching.watch import Watch


class Listening(Silent):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.notes: list[str] = []

    def advance(self, count: int = 1, note: str = "") -> None:
        self.notes.append(note)

    def line(self, text: str) -> None:
        self.lines.append(text)


def read_curves(folder: Path) -> dict[str, list[tuple[int, float]]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder)).Reload()
    return {tag: [(one.step, one.value) for one in found.Scalars(tag)] for tag in found.Tags()["scalars"]}


def test_a_run_says_what_bounds_it_and_draws_its_curves(
    learnable: PreparedStore, quick: TrainConfig, tmp_path: Path
) -> None:
    heard = Listening()
    config = replace(quick, folds=1, epochs=2, steps_per_epoch=12, batch_size=4)
    run = train(learnable, config, tmp_path / "r", reporter=heard, tensorboard=True, trace=True)
    history = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    curves = read_curves(run / "tensorboard/fold0")
    assert {"loss/train", "loss/validation", "balanced_accuracy/validation", "learning_rate"} <= curves.keys()
    assert curves["loss/train"] == [(row["epoch"], pytest.approx(row["train_loss"], rel=1e-6)) for row in history]
    bound = json.loads((run / "trace/bound.json").read_text())
    assert bound["steps"] == trace.TRACED
    assert sum(bound["shares"].values()) == pytest.approx(1, abs=1e-3)
    assert bound["shares"]["convolution"] > 0.02
    assert bound["shares"]["optimiser"] > 0
    names = {one.get("name") for one in json.loads((run / "trace/steps.json").read_text())["traceEvents"]}
    assert "kinfast: waiting for data" in names
    assert bound["text"] in heard.lines
    assert any("% of the time waiting for data" in line for line in heard.lines)
    assert any("balanced accuracy" in note and "waiting for data" in note for note in heard.notes)


def test_a_resumed_run_has_each_epoch_once(learnable: PreparedStore, quick: TrainConfig, tmp_path: Path) -> None:
    class Stopping(Silent):
        def line(self, text: str) -> None:
            if "epoch 2/3" in text:
                raise KeyboardInterrupt

    run, config = tmp_path / "r", replace(quick, folds=1)
    with pytest.raises(KeyboardInterrupt):
        train(learnable, config, run, reporter=Stopping(), tensorboard=True)
    resume(learnable, run)
    assert [step for step, _ in read_curves(run / "tensorboard/fold0")["loss/train"]] == [1, 2, 3]


def test_without_the_package_it_is_said_before_anything(
    learnable: PreparedStore, quick: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'kinfast\[tensorboard\]'"):
        train(learnable, quick, tmp_path / "r", tensorboard=True)
    assert not (tmp_path / "r").exists()


def test_waiting_is_counted_where_it_is() -> None:
    def slowly() -> Iterator[int]:
        for number in range(4):
            time.sleep(0.05)
            yield number

    watch = Watch("cpu", [{"validation_balanced_accuracy": 0.75}])
    assert list(watch.over(slowly())) == [0, 1, 2, 3]
    assert watch.waited >= 4 * 0.05
    assert watch.share > 0.5  # nothing else was done
    sums = Sums.on("cpu")
    sums.add(torch.tensor(0.5), torch.zeros(2, 3), torch.tensor([0, 1]))
    assert watch.note(sums).startswith("loss 0.500, balanced accuracy 0.750, ")
    assert watch.waited < 30


def event(name: str, start: float, end: float, *, on_gpu: bool) -> Event:
    device = torch.autograd.DeviceType.CUDA if on_gpu else torch.autograd.DeviceType.CPU
    span = Event(start=start, end=end, elapsed_us=lambda: end - start)
    return Event(name=name, device_type=device, time_range=span)


def average(key: str, device: float, cpu: float = 0.0) -> Event:
    times = {"self_device_time_total": device, "device_time_total": device}
    return Event(key=key, self_cpu_time_total=cpu, cpu_time_total=cpu, **times)


@pytest.mark.parametrize(
    ("waited", "kernels", "bound"),
    [
        (600.0, [(600, 1000)], trace.WAITS),
        (10.0, [(0, 100), (300, 400), (900, 1000)], trace.LAUNCHES),
        (10.0, [(0, 990), (500, 700)], trace.CONVOLUTION),
    ],
)
def test_a_gpu_that_idles_waits_for_data_or_for_launches(
    waited: float, kernels: list[tuple[float, float]], bound: str
) -> None:
    """A millisecond of planted kernels; those that overlap are counted once."""
    listed = [event("kinfast: waiting for data", 0, waited, on_gpu=False)]
    listed += [event("gemm", start, end, on_gpu=True) for start, end in kernels]
    busy = sum(end - start for start, end in kernels)
    shares = trace.divide(listed, [average("aten::cudnn_convolution", 0.8 * busy)], 1e-3, on_gpu=True)
    assert max(shares, key=shares.get) == bound
    assert sum(shares.values()) == pytest.approx(1, abs=1e-3)
    assert trace.in_words(shares, 1, 1e-3, amp=True).startswith(f"1 steps of 1 ms are bound by {bound}, ")


def test_each_part_is_named_with_what_would_help() -> None:
    shares = {trace.CONVOLUTION: 0.6, trace.OPTIMISER: 0.3, trace.OTHER: 0.1, trace.COPIES: 0.0}
    bound = (
        "8 steps of 100 ms are bound by convolution, 60% of the time (optimiser 30%, other layers and the loss 10%): "
    )
    remedy = "a smaller --input-size or backbone, or more processors or GPUs"
    assert trace.in_words(shares, 8, 0.8, amp=True) == f"{bound}give --amp, {remedy}"
    assert trace.in_words(shares, 8, 0.8, amp=False) == f"{bound}give {remedy}"


def test_amp_is_no_advice_where_it_is_used_or_slower(monkeypatch: pytest.MonkeyPatch) -> None:
    for able in ("AVX2", "AVX512"):
        monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda able=able: able)
        assert Precision("cpu", None).amp_helps == (able == "AVX512")
    assert not Precision("cuda", torch.bfloat16).amp_helps
    assert Precision("cuda", None).amp_helps


def test_on_a_terminal_the_note_has_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    screen = io.StringIO()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setattr("kinfast.cli.progress.Console", partial(Console, file=screen, force_terminal=True, width=80))
    note = "loss 0.412, balanced accuracy 0.810, 3% waiting for data, 12.3 GiB of the GPU"
    with TerminalReporter() as reporter:
        reporter.stage("fold 1 of 2", 64, "sites")
        reporter.advance(16, note)
    lines = [re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", line) for line in screen.getvalue().splitlines()]
    shown = next(line for line in lines if "fold 1 of 2" in line and "16/64" in line)
    assert lines[lines.index(shown) + 1].strip() == note
