"""What the losses over the epochs say: still falling, or rising in validation while training falls."""

from dataclasses import dataclass

import numpy as np

from kinfast.metrics.arrays import Float

LAST_SHARE = 0.2
"""Share of the epochs, the last ones, whose fall is looked at."""
FEWEST_EPOCHS = 5
"""Below so many epochs a curve says nothing of its end."""
STILL_FALLING = 0.05
"""A loss is not flat where the last epochs bring more than this share of the whole fall."""
RISE = 0.02
"""Rise of the validation loss above its lowest value, as a share of it, from which it is one."""
NOISE_STEPS = 2.0
"""A change must exceed so many standard deviations of the curve's noise."""


@dataclass(frozen=True, slots=True)
class Overfitting:
    """Validation loss against training loss. epoch: the best one, counted from 1; rise: of the loss since then."""

    epoch: int
    rise: float


def curve_noise(losses: Float) -> float:
    """Estimate the noise of a curve from its second differences, which a trend leaves alone: a standard deviation.

    Source: Gasser, Sroka and Jennen-Steinmetz 1986, Biometrika 73:625, with the median for the mean.
    """
    if losses.size < 3:
        return 0.0
    second = losses[:-2] - 2 * losses[1:-1] + losses[2:]
    return float(np.median(np.abs(second)) / (0.6745 * np.sqrt(6)))


def late_fall(losses: Float) -> float | None:
    """Give the share of the whole fall that the last fifth of the epochs brought, None where the curve says nothing.

    Args:
        losses: (n_epochs,) training loss.

    Returns:
        0 where the last epochs do not fall by more than the noise. A loss that falls evenly from the first epoch to the
        last gives about 0.2.
    """
    if losses.size < FEWEST_EPOCHS:
        return None
    last = max(3, round(LAST_SHARE * losses.size))
    tail = losses[-last:]
    slope = float(np.polyfit(np.arange(last), tail, 1)[0])
    fall, whole = -slope * (last - 1), float(losses[0] - losses[-1])
    # a fitted fall over n points has the noise's deviation times sqrt(12 (n - 1) / (n (n + 1)))
    error = curve_noise(losses) * np.sqrt(12 * (last - 1) / (last * (last + 1)))
    if fall <= NOISE_STEPS * error or whole <= 0:
        return 0.0
    return min(1.0, fall / whole)


def find_overfitting(train: Float, validation: Float) -> Overfitting | None:
    """Find out whether validation rises while training falls, and from which epoch (K-58).

    Args:
        train: (n_epochs,) losses.
        validation: (n_epochs,) losses of the same epochs.

    Returns:
        None where the validation loss ends as low as it ever was, within its noise, or training no longer fell.
    """
    if validation.size < FEWEST_EPOCHS:
        return None
    best = int(np.argmin(validation))
    after = validation[best + 1 :]
    if after.size < 2 or train[-1] >= train[best]:
        return None
    rise = float(after[-3:].mean() - validation[best])
    if rise <= max(RISE * abs(float(validation[best])), NOISE_STEPS * curve_noise(validation)):
        return None
    return Overfitting(best + 1, rise)
