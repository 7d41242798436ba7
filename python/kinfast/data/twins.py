"""Identical and near-identical images: by the hash of their pixels, and by the correlation of thumbnails."""

import hashlib
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kinfast.data.store import PreparedStore

THUMBNAIL = 16
"""Side of a thumbnail: cells are a pixel or two, so that it is their places that are compared."""
NEAR = 0.9
"""Correlation from which two images are near-identical: the thumbnails of different fields correlate within ±0.3."""
BATCH = 256
"""Sites read at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Likenesses:
    """What images are compared by.

    Attributes:
        hashes: (n,) of all pixels of a site.
        thumbnails: (n, THUMBNAIL, THUMBNAIL, n_channels) float32: what a site has beyond its plate's mean, of mean 0
            and norm 1; zeros for a site without any structure.
    """

    hashes: NDArray[np.str_]
    thumbnails: NDArray[np.float32]


def describe_images(store: PreparedStore, rows: NDArray[np.int64], threads: int = 1) -> Likenesses:
    """Hash the images of some sites, and draw their thumbnails."""
    channels = np.arange(len(store.channels), dtype=np.int64)
    hashes: list[str] = []
    small = np.empty((len(rows), THUMBNAIL, THUMBNAIL, len(channels)), np.float32)
    for start in range(0, len(rows), BATCH):
        images = store.gather(rows[start : start + BATCH], channels, threads=threads)
        for place, image in enumerate(images, start=start):
            hashes.append(hashlib.blake2b(image.tobytes(), digest_size=16).hexdigest())
            for channel in channels:  # OpenCV resizes by area up to four channels only
                plane = image[..., channel].astype(np.float32)
                small[place, ..., channel] = cv2.resize(plane, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)
    return Likenesses(np.array(hashes), _normalise(small, store.sites["Metadata_Plate"].astype(str).to_numpy()[rows]))


def _normalise(small: NDArray[np.float32], plates: NDArray[np.object_]) -> NDArray[np.float32]:
    """Take off each plate's mean thumbnail, which all its sites share, and the site's own mean in each channel."""
    result = small.copy()
    for plate in np.unique(plates):
        mine = plates == plate
        result[mine] -= result[mine].mean(axis=0)
    result -= result.mean(axis=(1, 2), keepdims=True)
    spread = result.std(axis=(1, 2), keepdims=True)
    result = np.divide(result, spread, out=np.zeros_like(result), where=spread > 1e-6)
    norm = np.sqrt((result**2).sum(axis=(1, 2, 3), keepdims=True))
    unit: NDArray[np.float32] = np.divide(result, norm, out=np.zeros_like(result), where=norm > 0)
    return unit


def find_twins(
    images: Likenesses, first: NDArray[np.int64], second: NDArray[np.int64]
) -> list[tuple[int, int, float, bool]]:
    """Find pairs of one image of each side that are identical, or near-identical in any turn or mirroring.

    Args:
        images: of all sites.
        first: positions of one side.
        second: positions of the other.

    Returns:
        For each image of the second side that has a twin: (first, second, correlation, identical), the likest pair.
    """
    by_hash = dict(zip(images.hashes[first].tolist(), first.tolist(), strict=True))
    found: dict[int, tuple[int, int, float, bool]] = {}
    for other in second.tolist():
        if (twin := by_hash.get(str(images.hashes[other]))) is not None:
            found[other] = (twin, other, 1.0, True)
    left = np.array([other for other in second.tolist() if other not in found], dtype=np.int64)
    if len(first) == 0 or len(left) == 0:
        return [found[other] for other in sorted(found)]
    flat = images.thumbnails[first].reshape(len(first), -1)
    for start in range(0, len(left), BATCH):
        block = left[start : start + BATCH]
        for turned in _turns(images.thumbnails[block]):
            likeness = turned.reshape(len(block), -1) @ flat.T
            best = likeness.argmax(axis=1)
            for place, other in enumerate(block.tolist()):
                value = float(likeness[place, best[place]])
                if value >= NEAR and value > found.get(other, (0, 0, 0.0, False))[2]:
                    found[other] = (int(first[best[place]]), other, value, False)
    return [found[other] for other in sorted(found)]


def _turns(thumbnails: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    turned = [np.rot90(thumbnails, quarter, axes=(1, 2)) for quarter in range(4)]
    return [np.ascontiguousarray(one) for base in turned for one in (base, base[:, :, ::-1])]
