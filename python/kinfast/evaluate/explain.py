"""Explains a finished run: which stains its classes rest on, and where on the images its models looked."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kinfast import config
from kinfast.evaluate.explain_gallery import draw_site
from kinfast.evaluate.explain_sites import Sites, choose_sites, surest_sites
from kinfast.evaluate.run_folder import Run, read_run
from kinfast.evaluate.stains import Measured, rank_correlations, stain_rows, stain_words
from kinfast.progress import Reporter, Silent

if TYPE_CHECKING:
    from kinfast.data.store import PreparedStore

FOLDER, EXPLAIN = "explain", "explain.json"
BATCH = 16
"""Sites asked about at once."""
MAPS_BATCH = 8


@dataclass(slots=True, eq=False)
class _Found:
    """What the folds' models gave so far, in the order of the sites."""

    before: list[NDArray[np.float64]] = field(default_factory=list)
    swapped: dict[tuple[str, str, str], list[NDArray[np.float64]]] = field(default_factory=dict)
    shares: dict[tuple[str, str, str], list[NDArray[np.float64]]] = field(default_factory=dict)
    mapped: list[NDArray[np.int64]] = field(default_factory=list)
    sanity: dict[str, list[NDArray[np.float64]]] = field(default_factory=dict)
    gallery: list[dict[str, Any]] = field(default_factory=list)


def explain_run(
    run: Path,
    store: "PreparedStore",
    *,
    sites: int = config.EXPLAIN_SITES,
    device: str = "auto",
    threads: int = 1,
    draws: int = config.BOOTSTRAP_DRAWS,
    seed: int = config.SEED,
    reporter: Reporter | None = None,
) -> dict[str, Any]:
    """Explain a run's models on their own held-out sites and write explain/ into its folder.

    Args:
        run: a finished run's folder.
        store: what it was trained on.
        sites: of each class, at most.
        device: auto, cpu, cuda, …
        threads: of torch on the CPU.
        draws: of the bootstrap over compounds.
        seed: of donors, shuffled weights and bootstrap.
        reporter: told of the progress, in sites.

    Returns:
        What explain.json holds.

    Raises:
        RunError: the run is not finished, or its test sites are not in the store.
    """
    from kinfast.train.finished.apply import open_run

    loaded, told = read_run(run), reporter or Silent()
    chosen = choose_sites(loaded, store.sites, sites)
    ready = open_run(run, store, device, "torch", threads)
    folder = run / FOLDER
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.webp"):
        old.unlink()
    told.stage("explain", len(chosen.rows) + len(ready.folds), "sites")
    found, order = _Found(), []
    for number, model in enumerate(ready.models(threads)):
        mine = np.flatnonzero(chosen.folds == number)
        if len(mine):
            order.append(mine)
            _explain_fold(model.eval(), loaded, chosen, mine, ready, store, found, seed, folder, told)
        told.advance(1)
    content = _content(loaded, store, chosen, np.concatenate(order), found, draws, seed)
    unfinished = folder / f".{EXPLAIN}.part"
    unfinished.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    unfinished.replace(folder / EXPLAIN)
    return content


def _explain_fold(
    model: Any,
    run: Run,
    chosen: Sites,
    mine: NDArray[np.int64],
    ready: Any,
    store: "PreparedStore",
    found: _Found,
    seed: int,
    folder: Path,
    told: Reporter,
) -> None:
    import torch

    from kinfast.train.finished.apply import run_composites
    from kinfast.train.finished.stain_exchange import Asked, measure_drops
    from kinfast.train.finished.stain_views import StainViews, choose_donors, control_levels
    from kinfast.train.stepping.losses import Loss

    content = ready.content
    composites = run_composites(content, store)
    views = StainViews(store, composites, int(content["input_size"]), content["views"], ready.precision.device)
    levels = control_levels(views)
    even = torch.stack([levels[plate] for plate in chosen.plates[mine]])
    plates = chosen.plates[mine].astype(object)
    donors = choose_donors(plates, chosen.others(mine), config.EXPLAIN_SWAPS, seed)
    asked = Asked(chosen.rows[mine], chosen.codes[mine], donors, even)
    drops = measure_drops(model, views, Loss(content["loss"]), asked, BATCH, told)
    found.before.append(drops.before)
    for method in drops.stains:
        for place, stain in enumerate(views.stains):
            found.swapped.setdefault((stain, "", method), []).append(drops.stains[method][:, place])
        for place, stream in enumerate(composites):
            found.swapped.setdefault(("", stream.name, method), []).append(drops.streams[method][:, place])
    _map_fold(model, run, chosen, mine, drops.before, views, even, found, seed, folder)


def _map_fold(
    model: Any,
    run: Run,
    chosen: Sites,
    mine: NDArray[np.int64],
    before: NDArray[np.float64],
    views: Any,
    even: Any,
    found: _Found,
    seed: int,
    folder: Path,
) -> None:
    """Compute maps of the sites that the fold's model is surest of, by its own weights and by shuffled ones."""
    from kinfast.train.finished.attribution import attribute, by_stain, cam_by_stream, coarse_maps, shuffle_weights

    picked = surest_sites(chosen.codes[mine], before, config.EXPLAIN_MAPS)
    other = shuffle_weights(model, seed)
    names = [stream.name for stream in views.composites]
    for start in range(0, len(picked), MAPS_BATCH):
        part = picked[start : start + MAPS_BATCH]
        stack, codes = views.cut(chosen.rows[mine[part]], middle=True), chosen.codes[mine[part]]
        maps = attribute(model, views, stack, even[part], codes, config.EXPLAIN_STEPS)
        shuffled = attribute(other, views, stack, even[part], codes, config.EXPLAIN_STEPS)
        own, theirs = coarse_maps(maps), coarse_maps(shuffled)
        for method in own:
            found.sanity.setdefault(method, []).append(rank_correlations(own[method], theirs[method]))
        found.mapped.append(mine[part])
        shares, cams = by_stain(maps, views.positions, len(views.stains)), cam_by_stream(maps)
        for place, stain in enumerate(views.stains):
            found.shares.setdefault((stain, "", "integrated_gradients"), []).append(shares[:, :, place].sum(axis=1))
            for stream, name in enumerate(names):
                if stain in views.composites[stream].channels:
                    key = (stain, name, "integrated_gradients")
                    found.shares.setdefault(key, []).append(shares[:, stream, place])
        for stream, name in enumerate(names):
            found.shares.setdefault(("", name, "integrated_gradients"), []).append(shares[:, stream].sum(axis=1))
            found.shares.setdefault(("", name, "grad_cam"), []).append(cams[:, stream])
        for place, site in enumerate(mine[part]):
            name = run.classes[int(chosen.codes[site])]
            if sum(entry["class"] == name for entry in found.gallery) < config.GALLERY_SITES:
                entry = draw_site(folder, len(found.gallery), views, int(chosen.rows[site]), stack[place], maps, place)
                found.gallery.append({"class": name, "probability": round(float(before[part[place]]), 4)} | entry)


def _content(
    run: Run,
    store: "PreparedStore",
    chosen: Sites,
    order: NDArray[np.int64],
    found: _Found,
    draws: int,
    seed: int,
) -> dict[str, Any]:
    mapped = np.concatenate(found.mapped)
    rows = _rows(found.swapped, chosen, order, run.classes, draws, seed)
    rows += _rows(found.shares, chosen, mapped, run.classes, draws, seed)
    shown = found.gallery
    present = [name for code, name in enumerate(run.classes) if (chosen.codes[order] == code).any()]
    before = np.concatenate(found.before)
    surest = sorted(present, key=lambda name: -before[chosen.codes[order] == run.classes.index(name)].mean())
    structures = {
        str(channel["name"]): str(channel.get("structure", "")) for channel in store.dataset["spec"]["channels"]
    }
    return {
        "sites": len(order),
        "units": len(np.unique(chosen.units[order])),
        "mapped_sites": len(mapped),
        "words": {name: stain_words(rows, name, structures) for name in ("", *present)},
        "rows": rows,
        "sanity": {method: _sanity(method, np.concatenate(values)) for method, values in found.sanity.items()},
        "gallery": [entry for name in surest[: config.GALLERY_CLASSES] for entry in shown if entry["class"] == name],
        "classes_without_gallery": surest[config.GALLERY_CLASSES :],
    }


def _rows(
    values: dict[tuple[str, str, str], list[NDArray[np.float64]]],
    chosen: Sites,
    order: NDArray[np.int64],
    classes: Sequence[str],
    draws: int,
    seed: int,
) -> list[dict[str, Any]]:
    measured = [Measured(*key, np.concatenate(parts)) for key, parts in values.items()]
    return stain_rows(measured, chosen.codes[order], chosen.units[order], classes, draws, seed)


def _sanity(method: str, correlations: NDArray[np.float64]) -> dict[str, Any]:
    middle = float(np.median(correlations))
    holds = abs(middle) < config.SAME_MAPS
    low, high = np.quantile(correlations, [0.25, 0.75])
    name = {"grad_cam": "Grad-CAM"}.get(method, method.replace("_", " "))
    numbers = f"median rank correlation {middle:.2f} (middle half {low:.2f} to {high:.2f})"
    but = f" A quarter of the sites have {high:.2f} or more: look at several before you believe one."
    text = (
        f"Maps of {name} depend on what was learnt: with shuffled weights they come out otherwise, {numbers}."
        + but * bool(high >= config.SAME_MAPS)
        if holds
        else f"Maps of {name} are alike with shuffled weights, {numbers}: they show the image, not what was learnt."
    )
    return {"name": f"{method}_depends_on_weights", "holds": holds, "median": middle, "text": text}
