"""The learning rate at each step."""

import pytest

from kinfast.errors import UsageError
from kinfast.train.stepping.schedules import make_schedule


def test_it_rises_then_falls_along_a_cosine_to_zero() -> None:
    schedule = make_schedule("cosine", 1.0, warmup_epochs=1, epochs=5, steps_per_epoch=4)
    rates = [schedule.rate(step) for step in range(21)]
    assert rates[:4] == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert rates[4] == 1.0
    assert rates[12] == pytest.approx(0.5)  # half way from step 4 to step 20
    assert rates[20] == pytest.approx(0.0, abs=1e-12)
    assert rates[4:] == sorted(rates[4:], reverse=True)


def test_constant_stays() -> None:
    schedule = make_schedule("constant", 0.1, warmup_epochs=0.5, epochs=4, steps_per_epoch=4)
    assert [schedule.rate(step) for step in (0, 1, 2, 15)] == pytest.approx([0.1 / 3, 0.2 / 3, 0.1, 0.1])


def test_a_single_step_has_a_rate() -> None:
    schedule = make_schedule("cosine", 0.1, warmup_epochs=1, epochs=1, steps_per_epoch=1)
    assert schedule.rate(0) == 0.1


@pytest.mark.parametrize(
    ("kind", "peak", "warmup", "said"),
    [
        ("linear", 0.1, 1, "no schedule 'linear'"),
        ("cosine", 0.0, 1, "learning rate 0.0"),
        ("cosine", float("nan"), 1, "learning rate nan"),
        ("cosine", 0.1, -1, "-1 epochs of warm-up"),
    ],
)
def test_nonsense_is_refused(kind: str, peak: float, warmup: float, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        make_schedule(kind, peak, warmup_epochs=warmup, epochs=3, steps_per_epoch=4)
