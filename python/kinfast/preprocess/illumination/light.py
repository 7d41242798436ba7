"""A plate x channel's light as a whole, and fields for groups of its wells.

A group's field is the plate's times what its own images show beyond that. So the few images of a row only have to
tell how the row departs from the plate; where they do not show that on held-out wells, `auto` keeps the plate's field.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from kinfast import _native
from kinfast.preprocess.illumination.estimate import NONE, fit_illumination
from kinfast.preprocess.illumination.field import Illumination, lay_out_gain, normalise


@dataclass(frozen=True, slots=True)
class Light:
    """What is found of a plate x channel's light.

    Attributes:
        plate: the fields of all its images.
        groups: fields by the name of a group of wells; empty: all wells have the plate's.
    """

    plate: Illumination
    groups: dict[str, Illumination] = field(default_factory=dict)

    def of(self, group: str) -> Illumination:
        """Give the fields that a group is corrected by."""
        return self.groups.get(group, self.plate)


def fit_light(
    thumbnails: NDArray[np.float32],
    offset: float,
    method: str,
    wells: Sequence[str],
    control: NDArray[np.bool_],
    groups: Mapping[str, str],
) -> Light:
    """Fit a plate x channel's light.

    Args:
        thumbnails: (n, gh, gw) float32, mean raw counts of grid cells, of lit and unspoilt images.
        offset: dark offset, counts.
        method: see `fit_illumination`.
        wells: of each image.
        control: (n,) bool, in a negative control well.
        groups: group of each well; empty: one field for the plate.
    """
    plate = fit_illumination(thumbnails, offset, method, wells, control)
    if method == NONE or not len(thumbnails):
        return Light(plate)
    names = np.array([groups[well] for well in wells] if groups else [], str)
    own: dict[str, Illumination] = {}
    for name in sorted(set(groups.values())) if len(set(groups.values())) > 1 else ():
        of = names == name
        flattened = ((thumbnails[of] - np.float32(offset)) / plate.flatfield + np.float32(offset)).astype(np.float32)
        beyond = fit_illumination(
            flattened, offset, method, [well for well in wells if groups[well] == name], control[of]
        )
        own[name] = _of_group(plate, beyond)
    return Light(plate, own)


def _of_group(plate: Illumination, beyond: Illumination) -> Illumination:
    """Put a group's departure on the plate's field; error and shading are of the departure."""
    flat = plate.flatfield
    if beyond.helped:
        flat = normalise(flat.astype(np.float64) * beyond.flatfield)
        words = f"beyond the plate's field, {beyond.verdict}"
    else:
        words = f"the plate's field; its own is not used: {beyond.verdict.removeprefix('dark offset only: ')}"
    helped = plate.helped or beyond.helped
    return replace(
        beyond, flatfield=flat, darkfield=plate.darkfield, contrast=float(flat.std()), helped=helped, verdict=words
    )


def correct_samples(
    samples: NDArray[np.uint16], stride: int, light: Light, groups: Sequence[str], raw: tuple[int, int]
) -> NDArray[np.float32]:
    """Correct every `stride`-th pixel of images as pass two will, each by the fields of its group.

    Args:
        samples: (n, sh, sw) uint16, raw counts.
        stride: raw pixels from one sample to the next.
        light: of the plate x channel.
        groups: of each image.
        raw: (H, W) of the images.
    """
    at = slice(None, None, stride)
    corrected = np.empty(samples.shape, np.float32)
    names = np.array(groups, str)
    for name in np.unique(names).tolist():
        fields = light.of(name)
        gain = np.ascontiguousarray(lay_out_gain(fields.flatfield, raw)[at, at])
        dark = np.ascontiguousarray(_native.expand_field(fields.darkfield, *raw)[at, at])
        of = names == name
        corrected[of] = (samples[of] - dark) * gain
    return corrected
