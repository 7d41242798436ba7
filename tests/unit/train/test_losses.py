"""Losses, weights of classes, and the way back from probabilities."""

import math

import pytest
import torch

from kinfast.train.stepping.losses import BINARY_CROSS_ENTROPY, CROSS_ENTROPY, Loss, loss_kind


def test_a_predictor_of_the_prior_has_the_thesis_loss_of_0_051() -> None:
    # 113 equal classes: -(ln(1/113) + 112 ln(112/113)) / 113 = 0.0506: the trap of mission.md
    logits = torch.full((226, 113), math.log((1 / 113) / (112 / 113)))
    targets = torch.arange(226) % 113
    assert float(Loss(BINARY_CROSS_ENTROPY)(logits, targets)) == pytest.approx(0.0506, abs=5e-5)
    assert float(Loss(CROSS_ENTROPY)(logits, targets)) == pytest.approx(math.log(113), rel=1e-6)


def test_one_hot_and_codes_are_the_same() -> None:
    logits = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    targets = torch.tensor([0, 1, 2, 2, 1, 0])
    hot = torch.nn.functional.one_hot(targets, 3).float()
    weighted = Loss(BINARY_CROSS_ENTROPY, torch.tensor([1.0, 2.0, 0.5]))
    torch.testing.assert_close(weighted(logits, targets), weighted(logits, hot))


@pytest.mark.parametrize("kind", [CROSS_ENTROPY, BINARY_CROSS_ENTROPY])
def test_a_weight_of_two_counts_a_class_twice(kind: str) -> None:
    logits = torch.randn(3, 2, generator=torch.Generator().manual_seed(1))
    targets = torch.tensor([0, 0, 1])
    weighted = Loss(kind, torch.tensor([1.0, 2.0]))(logits, targets)
    twice = Loss(kind)(logits[[0, 1, 2, 2]], targets[[0, 1, 2, 2]])
    torch.testing.assert_close(weighted, twice)


def test_a_site_of_no_class_counts_once() -> None:
    loss = Loss(BINARY_CROSS_ENTROPY, torch.tensor([3.0, 3.0]))
    assert float(loss(torch.zeros(1, 2), torch.zeros(1, 2))) == pytest.approx(math.log(2))


@pytest.mark.parametrize("kind", [CROSS_ENTROPY, BINARY_CROSS_ENTROPY])
def test_logits_lead_back_to_their_probabilities(kind: str) -> None:
    loss = Loss(kind)
    chances = loss.probabilities(torch.randn(50, 4, generator=torch.Generator().manual_seed(2)) * 3)
    # two transcendental functions and a sum in float32
    torch.testing.assert_close(loss.probabilities(loss.logits(chances)), chances, atol=2e-6, rtol=1e-5)
    assert torch.isfinite(loss.logits(torch.tensor([[0.0, 1.0]]))).all()


def test_the_thesis_head_and_several_labels_are_binary() -> None:
    assert loss_kind("modern", False) == CROSS_ENTROPY
    assert loss_kind("thesis", False) == loss_kind("modern", True) == BINARY_CROSS_ENTROPY


@pytest.mark.parametrize("focusing", [0.0, 2.0])
def test_what_is_not_known_is_left_out_of_loss_and_gradient(focusing: float) -> None:
    """A label that is NaN changes nothing: not the loss, not the gradient, whatever the logit says."""
    logits = torch.tensor([[0.3, 5.0], [-1.0, 0.2]], requires_grad=True)
    binary = Loss(BINARY_CROSS_ENTROPY, focusing=focusing)
    loss = binary(logits, torch.tensor([[1.0, math.nan], [0.0, 1.0]]))
    loss.backward()
    assert logits.grad is not None
    assert logits.grad[0, 1] == 0
    assert (logits.grad != 0).sum() == 3
    alone = binary(torch.tensor([[0.3]]), torch.tensor([[1.0]]))
    both = binary(torch.tensor([[-1.0, 0.2]]), torch.tensor([[0.0, 1.0]]))
    torch.testing.assert_close(loss, (alone + both) / 2)


def test_soft_targets_are_met_at_their_own_value() -> None:
    """The loss of a soft target is least where the probability equals it."""
    wanted = torch.tensor([[0.3]])
    losses = [float(Loss(BINARY_CROSS_ENTROPY)(torch.logit(torch.tensor([[p]])), wanted)) for p in (0.2, 0.3, 0.4)]
    assert losses[1] < min(losses[0], losses[2])


def some_logits(rows: int, classes: int) -> torch.Tensor:
    return torch.randn(rows, classes, generator=torch.Generator().manual_seed(4))


@pytest.mark.parametrize("focusing", [0.0, 2.0])
def test_codes_are_mixed_labels_of_one_class(focusing: float) -> None:
    loss = Loss(CROSS_ENTROPY, torch.tensor([1.0, 2.0, 0.5]), 0.1, focusing)
    targets = torch.tensor([0, 2, 1, 1])
    hot = torch.nn.functional.one_hot(targets, 3).float()
    torch.testing.assert_close(loss(some_logits(4, 3), targets), loss(some_logits(4, 3), hot))


@pytest.mark.parametrize("kind", [CROSS_ENTROPY, BINARY_CROSS_ENTROPY])
def test_mixed_labels_weigh_as_their_parts(kind: str) -> None:
    """A site that is 0.3 of one class and 0.7 of another is 0.3 of a site of the one and 0.7 of one of the other."""
    loss = Loss(kind, torch.tensor([1.0, 4.0]))
    logits, mixed = some_logits(1, 2), torch.tensor([[0.3, 0.7]])
    parts = [float(loss(logits, torch.tensor([code]))) for code in (0, 1)]
    if kind == CROSS_ENTROPY:
        wanted = (0.3 * 1 * parts[0] + 0.7 * 4 * parts[1]) / (0.3 * 1 + 0.7 * 4)
        assert float(loss.mass(mixed)) == pytest.approx(0.3 + 2.8)
    else:  # a yes or no a class: the cells' losses are mixed, and one site's weight does not matter to its mean
        wanted = 0.3 * parts[0] + 0.7 * parts[1]
    assert float(loss(logits, mixed)) == pytest.approx(wanted, rel=1e-5)


def test_the_focal_loss_is_its_formula() -> None:
    """Lin et al. 2017, equation 4: of a site with p = 0.8, (1 - p)^2 * -ln p."""
    logits = torch.tensor([[math.log(0.8), math.log(0.2)]])
    wanted = 0.2**2 * -math.log(0.8)
    assert float(Loss(CROSS_ENTROPY, focusing=2.0)(logits, torch.tensor([0]))) == pytest.approx(wanted, rel=1e-5)
    sure = torch.logit(torch.tensor([[0.8, 0.2]]))  # both outputs are as right as each other
    assert float(Loss(BINARY_CROSS_ENTROPY, focusing=2.0)(sure, torch.tensor([0]))) == pytest.approx(wanted, rel=1e-5)


def test_a_focal_loss_has_a_gradient_where_a_site_is_learned() -> None:
    logits = torch.tensor([[200.0, -200.0]], requires_grad=True)
    Loss(CROSS_ENTROPY, focusing=0.5)(logits, torch.tensor([0])).backward()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_logit_adjustment_answers_as_if_classes_were_alike_in_number() -> None:
    """Of images that say nothing, 9 to 1: the loss is least where probabilities are even, not 0.9 and 0.1."""
    targets = torch.tensor([0] * 9 + [1])
    loss = Loss(CROSS_ENTROPY, shift=torch.tensor([0.9, 0.1]).log())
    logits = torch.zeros(10, 2, requires_grad=True)
    loss(logits, targets).backward()
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad.sum(dim=0), torch.zeros(2), atol=1e-7, rtol=0)
    assert loss.probabilities(torch.zeros(1, 2)).tolist() == [[0.5, 0.5]]
