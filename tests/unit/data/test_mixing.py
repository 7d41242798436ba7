"""Mixup and CutMix on planted images: a site's pixels say which site they are of, in each stream."""

import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from kinfast.data.minibatch import Minibatch
from kinfast.data.mixing import Mix, MixingLoader, MixingSpec, draw_mix, mix_batch
from kinfast.errors import UsageError

SIDE, SITES = 16, 12


def planted(targets: Tensor | None = None) -> Minibatch:
    """Site i is i everywhere in the first stream and 100 + i in the second; its class is i modulo 3."""
    numbers = torch.arange(SITES, dtype=torch.float32)[:, None, None, None]
    streams = (numbers.expand(-1, 3, SIDE, SIDE).contiguous(), 100 + numbers.expand(-1, 2, SIDE, SIDE).contiguous())
    return Minibatch(streams, torch.arange(SITES) % 3 if targets is None else targets, torch.arange(SITES))


def test_a_box_is_the_partners_in_both_streams_and_labels_follow_its_area() -> None:
    batch = planted()
    mix = draw_mix(np.random.default_rng(3), SITES, SIDE, MixingSpec(cutmix=1.0))
    mixed = mix_batch(batch, mix, 3)
    assert mixed.targets is not None
    own, other = torch.arange(SITES), torch.from_numpy(mix.partner)
    cut = 0
    for site in range(SITES):
        first, second = (stream[site] for stream in mixed.streams)
        theirs = first[0] == other[site] if own[site] != other[site] else torch.zeros(SIDE, SIDE, dtype=torch.bool)
        assert ((first[0] == own[site]) | theirs).all()  # whole pixels: nothing is blended
        assert torch.equal(first[0] + 100, second[0])  # the same box and partner
        assert torch.equal(first[0], first[2])
        top, bottom, left, right = mix.boxes[site]
        if own[site] != other[site]:
            assert int(theirs.sum()) == (bottom - top) * (right - left)
        share = float(theirs.float().mean())
        wanted = torch.zeros(3)
        wanted[site % 3] += 1 - share
        wanted[int(other[site]) % 3] += share
        torch.testing.assert_close(mixed.targets[site], wanted)
        cut += share > 0
    assert cut > SITES / 2


def test_a_blend_has_one_share_in_both_streams_and_in_the_labels() -> None:
    mix = draw_mix(np.random.default_rng(0), SITES, SIDE, MixingSpec(mixup=0.4))
    assert not mix.boxes.any()
    mixed = mix_batch(planted(), mix, 3)
    assert mixed.targets is not None
    share, partner = torch.from_numpy(mix.share), torch.from_numpy(mix.partner)
    wanted = (1 - share) * torch.arange(SITES) + share * partner
    for stream, offset in zip(mixed.streams, (0, 100), strict=True):
        torch.testing.assert_close(stream, (wanted + offset)[:, None, None, None].expand_as(stream))
    hot = torch.nn.functional.one_hot(torch.arange(SITES) % 3, 3).float()
    torch.testing.assert_close(mixed.targets, torch.lerp(hot, hot[partner], share[:, None]))
    torch.testing.assert_close(mixed.targets.sum(dim=1), torch.ones(SITES))


def test_of_both_kinds_each_site_gets_one() -> None:
    mix = draw_mix(np.random.default_rng(1), 2000, SIDE, MixingSpec(mixup=1.0, cutmix=1.0))
    boxed = mix.boxes.any(axis=1)
    assert not (boxed & (mix.share > 0)).any()
    # a fair coin of 2,000 throws strays from a half by 0.011; some boxes have no pixel
    assert 0.4 < (mix.share > 0).mean() < 0.6


def test_a_label_is_known_where_both_sites_are() -> None:
    hot = torch.zeros(SITES, 2)
    hot[0, 1] = math.nan
    boxes = np.zeros((SITES, 4), np.int64)
    boxes[3] = [0, SIDE, 0, SIDE]
    partner = np.arange(SITES)
    partner[[0, 1, 2, 3]] = [1, 0, 0, 0]
    mix = Mix(partner, np.array([0.5, 0.5, 0.0, 0.0] + [0.5] * (SITES - 4), np.float32), boxes)
    mixed = mix_batch(planted(hot), mix, 2).targets
    assert mixed is not None
    # 0 and 1 are blended: unknown; 2 has nothing of 0: known; 3 is 0 altogether: unknown
    assert mixed[:, 1].isnan().tolist() == [True, True, False, True, *[False] * (SITES - 4)]
    assert not mixed[:, 0].isnan().any()


def test_half_precision_labels_follow_what_the_pixels_hold() -> None:
    batch = planted()
    half = Minibatch(tuple(stream.bfloat16() for stream in batch.streams), batch.targets, batch.rows)
    mix = draw_mix(np.random.default_rng(0), SITES, SIDE, MixingSpec(mixup=0.4))
    mixed = mix_batch(half, mix, 3)
    assert mixed.targets is not None
    assert mixed.streams[0].dtype == torch.bfloat16
    assert mixed.targets.dtype == torch.float32
    rounded = torch.from_numpy(mix.share).bfloat16().float()
    own, theirs = torch.arange(SITES) % 3, torch.from_numpy(mix.partner) % 3
    apart = own != theirs
    torch.testing.assert_close(mixed.targets[torch.arange(SITES), theirs][apart], rounded[apart])


class _Loader:
    """Serves the planted minibatch three times."""

    kind, cache, views, n_sites = "torch", "none", 1, SITES

    class labels:  # stands for LabelledSites
        class_names = ("a", "b", "c")

    def __len__(self) -> int:
        return 3

    def epoch(self, number: int, first_batch: int = 0) -> Iterator[Minibatch]:
        for _ in range(first_batch, 3):
            yield planted()


def test_what_is_drawn_depends_on_seed_epoch_and_place_alone() -> None:
    loader = MixingLoader(_Loader(), MixingSpec(mixup=0.4, cutmix=1.0), seed=5)  # type: ignore[arg-type]
    whole, rest = list(loader.epoch(2)), list(loader.epoch(2, first_batch=1))
    assert len(loader) == len(whole) == 3
    for ours, theirs in zip(whole[1:], rest, strict=True):
        assert torch.equal(ours.streams[0], theirs.streams[0])
        assert torch.equal(ours.targets, theirs.targets)  # type: ignore[arg-type]
    assert not torch.equal(whole[0].streams[0], whole[1].streams[0])
    assert not torch.equal(whole[0].streams[0], next(iter(loader.epoch(3))).streams[0])


def test_a_strength_below_zero_is_refused() -> None:
    assert not MixingSpec()
    with pytest.raises(UsageError, match=r"mixup -1, cutmix 0\.0: wanted 0"):
        MixingSpec(mixup=-1)
