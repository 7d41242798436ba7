"""Plain features of a store's sites: intensity, texture by scale and correlation of channels; no network, no label."""

import itertools

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kinfast import schema
from kinfast.data.store import PreparedStore
from kinfast.progress import Reporter, Silent

PERCENTILES = (10, 50, 90, 99)
SCALES = (1.0, 2.0, 4.0, 8.0)
"""Standard deviations of the Gaussian blurs between which texture is measured, stored pixels."""
BATCH = 64


def profile_sites(store: PreparedStore, reporter: Reporter | None = None) -> tuple[pd.DataFrame, list[str]]:
    """Give the store's table of unflagged sites with features beside it.

    Returns:
        The rows without an excluding flag, with columns `Profile_*` after them; and the names of all features: those
        and the numeric Quality_* measures.
    """
    told = reporter or Silent()
    told.stage("profiles", len(store.sites), "sites")
    flags = [name for name in (*schema.EXCLUDED_FLAGS, schema.FLAG_EXCLUDED) if name in store.sites]
    kept = np.flatnonzero(~store.sites[flags].fillna(False).astype(bool).to_numpy().any(axis=1)).astype(np.int64)
    told.advance(len(store.sites) - len(kept))
    channels = np.arange(len(store.channels), dtype=np.int64)
    blocks = []
    for start in range(0, len(kept), BATCH):
        images = store.gather(kept[start : start + BATCH], channels)
        blocks += [measure_image(image) for image in images]
        told.advance(len(images))
    names = feature_names(store.channels)
    sites = store.sites.iloc[kept].reset_index(drop=True)
    values = pd.DataFrame(np.array(blocks).reshape(len(kept), len(names)), columns=names)
    numeric = sites.select_dtypes(include=["number", "bool"]).columns
    measures = [str(name) for name in numeric if schema.is_measure(str(name))]
    return pd.concat([sites, values], axis=1), [*measures, *names]


def feature_names(channels: tuple[str, ...]) -> list[str]:
    """Name the features of `measure_image`, in its order."""
    kinds = ["mean", "sd", *(f"p{q}" for q in PERCENTILES), *(f"texture{scale:g}" for scale in SCALES)]
    pairs = [f"Profile_correlation_{a}_{b}" for a, b in itertools.combinations(channels, 2)]
    return [f"Profile_{kind}_{channel}" for channel in channels for kind in kinds] + pairs


def measure_image(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Measure one site: (n_features,) of (height, width, n_channels) uint8.

    For each channel mean, standard deviation and percentiles of 0 … 255, and the standard deviation of what a blur of
    each scale takes off the one before it (a granularity spectrum); then Pearson's correlation of each pair of
    channels, 0 where a channel does not vary.
    """
    planes = [np.ascontiguousarray(image[:, :, index], np.float32) for index in range(image.shape[2])]
    values: list[float] = []
    for plane in planes:
        values += [float(plane.mean()), float(plane.std()), *np.percentile(plane, PERCENTILES).tolist()]
        finer = plane
        for scale in SCALES:
            coarser = np.asarray(cv2.GaussianBlur(plane, (0, 0), scale), np.float32)
            values.append(float((finer - coarser).std()))
            finer = coarser
    for a, b in itertools.combinations(planes, 2):
        spread = float(a.std() * b.std())
        values.append(float(((a - a.mean()) * (b - b.mean())).mean()) / spread if spread > 0 else 0.0)
    return np.array(values)
