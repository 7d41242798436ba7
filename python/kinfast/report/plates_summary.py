"""What a person needs to know of prepared plates before training, in three sentences, from the store's own files."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from kinfast import schema
from kinfast.evaluate.verdicts import Kind
from kinfast.report.plate_words import effect_words

MANY = 0.2
"""Share of a plate's sites left out from which the plate is worth a look."""
READY, LOOK, NOTHING = "ready to train on", "look at what is named here first", "no site can be trained on"


def judge_plates(
    sites: pd.DataFrame, quarantine: pd.DataFrame, dataset: Mapping[str, Any]
) -> tuple[str, str, tuple[str, str, str]]:
    """Judge a store.

    Args:
        sites: sites.parquet.
        quarantine: quarantine.csv.
        dataset: dataset.json.

    Returns:
        Its kind (support, finding or caution, as of a verdict), a headline, and three sentences: what can be trained
        on; light and drift; controls, and the plates to look at.
    """
    flags = [*schema.EXCLUDED_FLAGS, schema.FLAG_EXCLUDED]
    lost = sites[flags].any(axis=1)
    shares = _lost_shares(sites, lost, quarantine)
    poor = [str(plate) for plate, share in shares.items() if share > MANY]
    lacking = _without_controls(sites)
    drifting = [test for of in dataset["plates"].values() for test in of["drift"] if test["found"]]
    sentences = (
        _usable(sites, lost, sites[flags], quarantine, dataset),
        _light(dataset, drifting),
        _limits(shares, poor, lacking, dataset),
    )
    if lost.all():
        return str(Kind.CAUTION), NOTHING, sentences
    if poor or lacking or len(quarantine):
        return str(Kind.CAUTION), LOOK, sentences
    return str(Kind.FINDING if drifting else Kind.SUPPORT), READY, sentences


def _lost_shares(sites: pd.DataFrame, lost: "pd.Series[bool]", quarantine: pd.DataFrame) -> "pd.Series[float]":
    """Give the share of each plate's sites that cannot be trained on, flagged or set aside, the largest first."""
    aside = quarantine[quarantine["plate"] != ""].drop_duplicates(["plate", "well", "site", "timepoint"])
    n_aside = aside.groupby("plate").size()
    flagged = lost.astype(np.float64).groupby(sites[schema.PLATE].astype(object))
    n_lost = flagged.sum().add(n_aside, fill_value=0)
    n_sites = flagged.size().add(n_aside, fill_value=0)
    return (n_lost / n_sites).sort_values(ascending=False, kind="stable")


def _usable(
    sites: pd.DataFrame,
    lost: "pd.Series[bool]",
    flags: pd.DataFrame,
    quarantine: pd.DataFrame,
    dataset: Mapping[str, Any],
) -> str:
    kept, n_plates = sites[~lost], len(dataset["plates"])
    wells = kept[[schema.PLATE, schema.WELL]].drop_duplicates().shape[0]
    words = f"{len(kept):,} of {len(sites):,} sites can be trained on, in {wells:,} wells of {_plates(n_plates)}"
    counts = flags.sum().sort_values(ascending=False, kind="stable")
    if lost.any():
        most = str(counts.index[0]).removeprefix("Flag_").replace("_", " ")
        words += f"; {int(lost.sum()):,} are left out, most often as {most} ({int(counts.iloc[0]):,})"
    return f"{words}; {_lost_images(quarantine)}."


def _lost_images(quarantine: pd.DataFrame) -> str:
    """Count images that are missing (they have no path), and files that are there and could not be used."""
    missing = int((quarantine["path"] == "").sum())
    unusable = quarantine.loc[quarantine["path"] != "", "path"].nunique()
    parts = [f"{missing:,} image{'s are' if missing > 1 else ' is'} missing"] if missing else []
    parts += [f"{unusable:,} file{'s' * (unusable > 1)} could not be used"] if unusable else []
    return f"{' and '.join(parts)} (quarantine.csv says which and why)" if parts else "no image is missing or unusable"


def _light(dataset: Mapping[str, Any], drifting: list[Mapping[str, Any]]) -> str:
    lights = [light for of in dataset["plates"].values() for light in of["illumination"].values()]
    helped = sum(bool(light["helped"]) for light in lights)
    words = f"Uneven light was corrected in {helped} of {len(lights)} channels over all plates"
    moving = sum(
        any(light["drift"][over] and light["drift"][over]["found"] for over in ("rows", "order")) for light in lights
    )
    words += f", and changes within the plate in {moving}" if moving else ""
    plates = sum(any(test["found"] for test in of["drift"]) for of in dataset["plates"].values())
    if not plates:
        return f"{words}; no plate is found to drift."
    strongest = min(drifting, key=lambda test: test["p"])
    return f"{words}; {plates} of {_plates(len(dataset['plates']))} drift, most surely {effect_words(strongest)}."


def _limits(shares: "pd.Series[float]", poor: list[str], lacking: list[str], dataset: Mapping[str, Any]) -> str:
    parts = []
    if poor:
        worst = f", {shares.index[0]} the most ({shares.iloc[0]:.0%})" if len(shares) and shares.iloc[0] > MANY else ""
        parts.append(
            f"{_plates(len(poor))} of {len(dataset['plates'])} lose{'s' * (len(poor) == 1)} over {MANY:.0%} of "
            f"the sites{worst}"
        )
    if lacking:
        named = ", ".join(lacking[:3]) + (f" and {len(lacking) - 3} more" if len(lacking) > 3 else "")
        parts.append(f"no negative controls are known on {named}, so that windows and activity rest on all wells")
    primes = [of["measures"][of["best"]] for one in dataset["plates"].values() for of in one["z_prime"] if of["best"]]
    if primes:
        parts.append(
            f"the best measure tells positive from negative controls with Z' of {min(primes):.2f} at the least"
        )
    words = "; ".join(parts) or f"No plate loses over {MANY:.0%} of its sites, and all have negative controls"
    return f"{words[:1].upper()}{words[1:]}."


def _without_controls(sites: pd.DataFrame) -> list[str]:
    plates = sorted(sites[schema.PLATE].astype(str).unique())
    if schema.ROLE not in sites:
        return plates
    having = set(sites.loc[sites[schema.ROLE].astype(object) == schema.ROLE_NEGATIVE, schema.PLATE].astype(str))
    return [plate for plate in plates if plate not in having]


def _plates(n: int) -> str:
    return f"{n:,} plate{'s' * (n != 1)}"
