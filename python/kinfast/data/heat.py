"""Maps of where a model looked, laid over the pictures that it looked at."""

import cv2
import numpy as np
from numpy.typing import NDArray

from kinfast.domain import AnyArray

BRIGHTEST = 99.0
"""Percentile of a map that is full colour: single pixels would hide all others."""


def overlay_heat(picture: AnyArray, heat: NDArray[np.float64]) -> AnyArray:
    """Lay a map over a greyed picture.

    Args:
        picture: (h, w, 3) RGB uint8.
        heat: (h, w), zero and above; scaled to its own brightest.
    """
    top = float(np.percentile(heat, BRIGHTEST))
    share = np.clip(heat / top, 0, 1) if top > 0 else np.zeros_like(heat)
    colours = cv2.applyColorMap((share * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
    grey = np.repeat(picture.max(axis=2, keepdims=True), 3, axis=2).astype(np.float64) * 0.6
    weight = (0.85 * np.sqrt(share))[..., None]
    return np.asarray(np.clip(grey * (1 - weight) + colours * weight, 0, 255).astype(np.uint8))


def smooth_heat(heat: NDArray[np.float64], pixels: float) -> NDArray[np.float64]:
    """Blur a map: integrated gradients are grainy."""
    return np.asarray(cv2.GaussianBlur(heat, (0, 0), pixels))
