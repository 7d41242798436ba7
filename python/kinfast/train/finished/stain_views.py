"""Sites as stacks of stains, before they become streams: so that one stain can be exchanged in all streams at once."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kinfast import schema
from kinfast.data.composites import Composite, stream_positions, used_channels
from kinfast.data.minibatch import fill_streams
from kinfast.data.store import PreparedStore
from kinfast.data.torch_loader import cut_views
from kinfast.data.views import fixed_views


@dataclass(frozen=True, slots=True, eq=False)
class StainViews:
    """Cuts sites as prediction does, and makes streams of them.

    Attributes:
        store: the sites.
        composites: the model's streams.
        input_size: side of a crop, pixels.
        views: crops of a site; None: as many as cover it.
        device: of the streams.
    """

    store: PreparedStore
    composites: tuple[Composite, ...]
    input_size: int
    views: int | None
    device: str

    @property
    def stains(self) -> tuple[str, ...]:
        """The channels that any stream uses, in the order of the stacks."""
        return tuple(self.store.channels[index] for index in used_channels(self.composites, self.store))

    @property
    def positions(self) -> tuple[tuple[int, ...], ...]:
        """For each stream the places of its channels among `stains`."""
        return stream_positions(self.composites, self.store)

    def cut(self, rows: NDArray[np.int64], *, middle: bool = False) -> Tensor:
        """Cut sites: (n * views, stains, S, S) uint8; with `middle` one crop a site."""
        images = self.store.gather(rows, used_channels(self.composites, self.store))
        corners = fixed_views(self.store.image_size, self.input_size, 1 if middle else self.views)
        return cut_views(torch.from_numpy(images), corners, self.input_size).to(self.device)

    def streams(self, stack: Tensor) -> tuple[Tensor, ...]:
        """Make normalised streams of stacks."""
        return fill_streams([stack], len(stack), self.positions, None, torch.float32)


def control_levels(views: StainViews) -> dict[str, Tensor]:
    """Give each plate's mean level of every stain in its negative controls, else in all its sites: (stains,)."""
    sites, channels = views.store.sites, used_channels(views.composites, views.store)
    levels = {}
    for plate, of in sites.groupby(schema.PLATE):
        rows = of.index.to_numpy(np.int64)
        if schema.ROLE in of and (of[schema.ROLE] == schema.ROLE_NEGATIVE).any():
            rows = of.index[of[schema.ROLE] == schema.ROLE_NEGATIVE].to_numpy(np.int64)
        some = rows[:: max(1, len(rows) // 48)]
        levels[str(plate)] = torch.from_numpy(views.store.gather(some, channels).mean(axis=(0, 1, 2), dtype=np.float64))
    return levels


def choose_donors(plates: NDArray[np.object_], others: NDArray[np.bool_], swaps: int, seed: int) -> NDArray[np.int64]:
    """Choose, for each site, others of another class to take a stain from: (swaps, n) positions.

    Args:
        plates: (n,) of the sites; donors stand on the same plate where it has other classes.
        others: (n, n) whether the site of a column is of another class than that of the row, or lacks its label.
        swaps: how many for each.
        seed: of the draw.
    """
    rng = np.random.default_rng(seed)
    donors = np.empty((swaps, len(plates)), np.int64)
    for place in range(len(plates)):
        other = np.flatnonzero(others[place])
        other = other if len(other) else np.arange(len(plates))
        near = other[plates[other] == plates[place]]
        donors[:, place] = rng.choice(near if len(near) else other, swaps)
    return donors
