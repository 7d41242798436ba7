"""How the channels of one plate are processed: what pass one finds and pass two applies."""

from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kinfast import _native
from kinfast.config import PreprocessConfig
from kinfast.domain import Plate
from kinfast.preprocess.dark_offset import find_light_levels
from kinfast.preprocess.illumination.change import Change, find_change
from kinfast.preprocess.illumination.estimate import NONE
from kinfast.preprocess.illumination.field import Illumination
from kinfast.preprocess.illumination.light import Light, correct_samples, fit_light
from kinfast.preprocess.illumination.parts import group_wells
from kinfast.preprocess.intensity import (
    Levels,
    enough_controls,
    fit_levels,
    fit_window,
    glaring_images,
    saturation_value,
    window_images,
)
from kinfast.preprocess.nuclei import fit_nuclei_threshold, min_nucleus_area
from kinfast.preprocess.sampling import (
    ChannelSample,
    Headers,
    choose_sites,
    look_at_headers,
    sample_channel,
    site_paths,
)
from kinfast.preprocess.windows import Reference, Window, choose_window
from kinfast.progress import Reporter

SPOILT_SHARE = 0.05
"""An image with more of its pixels at the camera's limit tells nothing of the light."""
NO_SHAPE = (1, 1)
"""Of a plate without an image that can be read: each of them is then set aside."""


@dataclass(frozen=True, slots=True)
class PlateTask:
    """One plate's work, from files and parameters to files: all that decides its bytes.

    Attributes:
        root: folder that the images' paths are relative to.
        plate: its sites.
        channels: names, in the store's order.
        nuclei_channel: the channel that nuclei are counted in, if there is one.
        quality: thresholds set by hand.
        controls: wells with negative controls; empty where not known.
        pixel_um: micrometres of a raw pixel, where known.
        config: parameters.
        batch: name of the plates that it belongs with.
        reference: where their windows lie, where these are set by batch.
    """

    root: Path
    plate: Plate
    channels: tuple[str, ...]
    nuclei_channel: str | None
    quality: dict[str, float]
    controls: frozenset[str]
    pixel_um: float | None
    config: PreprocessConfig
    batch: str = ""
    reference: Reference = field(default_factory=dict)

    def sampled_sites(self) -> NDArray[np.int64]:
        """Give the positions of the sites that pass one looks at, (n,) int64 in rising order."""
        return choose_sites(self.plate.name, len(self.plate.sites), self.config.sample_sites, self.config.seed)

    def headers(self) -> Headers:
        """Tell from files' headers which (H, W) most images have, and which files have several pages."""
        return look_at_headers(self.root, self.plate, self.sampled_sites())


@dataclass(frozen=True, slots=True)
class ChannelFit:
    """What pass one found of one channel.

    See `Light`, `fit_window` (the plate's own), `fit_levels`, `find_light_levels`, `saturation_value`. `change`
    may still be looked for: pass two does not need it.
    """

    light: Light
    change: "Future[Change]"
    window: Window
    levels: Levels
    dark_below: float
    saturation: int
    nuclei_brightness: float
    n_sampled: int

    @property
    def illumination(self) -> Illumination:
        """The fields of the whole plate."""
        return self.light.plate


@dataclass(frozen=True, slots=True)
class PlatePlan:
    """All channels' fits, the shapes of what goes in and out, and the wells' groups if fields are by group.

    shape: (H, W) of the images; None where no header could be read.
    unread: channel -> positions of the sampled sites that pass one could not read.
    """

    shape: tuple[int, int] | None
    stored: tuple[int, int]
    fits: dict[str, ChannelFit]
    nucleus_pixels: int
    groups: dict[str, str] = field(default_factory=dict)
    unread: dict[str, frozenset[int]] = field(default_factory=dict)

    @property
    def raw(self) -> tuple[int, int]:
        """(H, W) that every image must have."""
        return self.shape or NO_SHAPE

    def native(self, task: PlateTask) -> dict[str, list[_native.ChannelPlan]]:
        """Give the plan in the native core's words, for each group of wells; without groups, of the name ""."""
        windows = self.windows(task)
        return {
            group: [
                self._native_channel(name, group, windows[name], name == task.nuclei_channel, task.quality)
                for name in task.channels
            ]
            for group in sorted({*self.groups.values()} or {""})
        }

    def windows(self, task: PlateTask) -> dict[str, Window]:
        """Give the corrected counts that become 0 and 255, of each channel."""
        return {
            name: choose_window(task.config, task.reference, name, fit.levels, fit.window)
            for name, fit in self.fits.items()
        }

    def nuclei(self, task: PlateTask) -> tuple[float, float]:
        """Give brightness and smallest area (pixels) of nuclei; nan where no channel shows them."""
        if task.nuclei_channel is None:
            return float("nan"), float("nan")
        brightness = self.fits[task.nuclei_channel].nuclei_brightness
        return (
            float(task.quality.get("nuclei_brightness", brightness)),
            float(task.quality.get("nucleus_pixels", self.nucleus_pixels)),
        )

    def _native_channel(
        self, name: str, group: str, window: Window, nuclei: bool, quality: dict[str, float]
    ) -> _native.ChannelPlan:
        fit = self.fits[name]
        fields = fit.light.of(group)
        return _native.ChannelPlan(
            flatfield=fields.flatfield,
            darkfield=fields.darkfield,
            low=window[0],
            high=window[1],
            saturation_value=fit.saturation,
            nuclei_threshold=quality.get("nuclei_brightness", fit.nuclei_brightness) if nuclei else None,
            nuclei_min_area=int(quality.get("nucleus_pixels", self.nucleus_pixels)) if nuclei else 0,
        )


def stored_shape(raw: tuple[int, int], shorter_side: int) -> tuple[int, int]:
    """Give the stored (h, w) of (H, W) images: the shorter side shrunk to `shorter_side`, never enlarged."""
    shorter = min(raw)
    side = min(shorter_side, shorter)
    height, width = ((length * side + shorter // 2) // shorter for length in raw)
    return height, width


def plan_plate(task: PlateTask, threads: int, reporter: Reporter, later: Executor | None = None) -> PlatePlan:
    """Run pass one: sample the plate's images and fit fields, windows and thresholds.

    Args:
        task: the plate's work.
        threads: threads; they do not change the result.
        reporter: told of each chunk of images.
        later: looks for light that changes, also after this has returned; None: it is looked for before.
    """
    chosen, shape = task.sampled_sites(), task.headers().shape
    raw = shape or NO_SHAPE
    paths = [site_paths(task.root, task.plate.sites[i]) for i in chosen]
    stored = stored_shape(raw, task.config.shorter_side)
    wells = [site.key.well for site in task.plate.sites]
    groups = group_wells(task.config.illumination_group, wells, [wells[i] for i in chosen])
    reporter.stage(f"{task.plate.name}: light", len(paths) * len(task.channels), "images")
    fits: dict[str, Future[ChannelFit]] = {}
    unread: dict[str, frozenset[int]] = {}
    with ThreadPoolExecutor(max(1, threads)) as pool:  # one channel is fitted while the next is decoded
        for c, channel in enumerate(task.channels):
            sample = sample_channel([site[c] for site in paths], chosen, raw, threads, reporter)
            unread[channel] = frozenset(chosen.tolist()) - frozenset(sample.sites.tolist())
            fits[channel] = pool.submit(_fit_channel, task, channel, sample, raw, groups, later or pool)
        results = {channel: fit.result() for channel, fit in fits.items()}
    return PlatePlan(shape, stored, results, min_nucleus_area(stored, raw, task.pixel_um), groups, unread)


def _fit_channel(
    task: PlateTask, channel: str, sample: ChannelSample, raw: tuple[int, int], groups: dict[str, str], later: Executor
) -> ChannelFit:
    grid = sample.thumbnails.shape[1:]
    levels = find_light_levels(sample.thumbnails, sample.samples, raw[0] * raw[1] / (grid[0] * grid[1]))
    full = saturation_value(sample.samples)
    usable = ~levels.dark & ~levels.blank & ~_spoilt(sample.samples, full)
    wells = [task.plate.sites[i].key.well for i in sample.sites]
    control = np.array([well in task.controls for well in wells], bool)
    thumbnails, offset = sample.thumbnails[usable], round(levels.offset, 2)
    usable_wells = [wells[i] for i in np.flatnonzero(usable)]
    light = fit_light(thumbnails, offset, task.config.illumination, usable_wells, control[usable], groups)
    looked_for = task.config.illumination != NONE and len(thumbnails) > 0
    change = later.submit(find_change, thumbnails, offset, usable_wells, len(task.channels)) if looked_for else _none()
    names = [groups.get(well, "") for well in wells]
    corrected = correct_samples(sample.samples, sample.stride, light, names, raw)
    usable &= ~glaring_images(corrected, usable)
    guides = corrected[window_images(usable, control)]
    window = fit_window(guides, task.config.window_percentiles)
    bright = fit_levels(guides, enough_controls(usable, control))
    flat_samples = corrected.reshape(len(corrected), corrected.shape[1] * corrected.shape[2])
    brightness = fit_nuclei_threshold(flat_samples[usable]) if channel == task.nuclei_channel else np.nan
    dark_below, brightness = round(levels.dark_below, 3), round(brightness, 2)
    return ChannelFit(light, change, window, bright, dark_below, full, brightness, len(sample.sites))


def _none() -> "Future[Change]":
    none: Future[Change] = Future()
    none.set_result(Change())
    return none


def _spoilt(samples: NDArray[np.uint16], full: int) -> NDArray[np.bool_]:
    flags: NDArray[np.bool_] = (samples >= full).mean(axis=(1, 2)) > SPOILT_SHARE
    return flags
