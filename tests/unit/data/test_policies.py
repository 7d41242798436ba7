"""What training does with flagged sites, and what it says of it."""

import numpy as np
import pandas as pd
import pytest

from kinfast import schema
from kinfast.data.policies import EXCLUDE, KEEP, ONLY_REPORT, parse_policies, policy_lines
from kinfast.errors import UsageError


def test_by_default_few_cells_and_exchanged_channels_are_reported_and_the_rest_is_left_out() -> None:
    policies = parse_policies(())
    assert policies.with_policy(ONLY_REPORT) == ("Flag_few_cells", "Flag_channel_swap")
    assert policies.with_policy(EXCLUDE) == tuple(schema.EXCLUDED_FLAGS)
    assert policies.with_policy(KEEP) == ()


def test_each_flag_can_be_given_another_policy() -> None:
    policies = parse_policies(("few_cells=exclude", "debris=keep", "Flag_blurred=only-report"))
    assert policies.with_policy(KEEP) == ("Flag_debris",)
    assert policies.with_policy(ONLY_REPORT) == ("Flag_blurred", "Flag_channel_swap")
    assert "Flag_few_cells" in policies.with_policy(EXCLUDE)
    assert "keep debris; only-report blurred, channel_swap" in policies.describe()


@pytest.mark.parametrize("asked", [("sharp=keep",), ("debris=drop",), ("debris",), ("debris=keep", "debris=exclude")])
def test_what_cannot_be_meant_is_refused(asked: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match=r"--policy (sharp=keep|debris)"):
        parse_policies(asked)


def test_what_flags_take_is_shown_for_each_value_that_loses_or_reports_a_site() -> None:
    sites = pd.DataFrame(dict.fromkeys(schema.FLAGS, False), index=range(6))
    sites.loc[[0, 1], "Flag_blurred"] = True
    sites.loc[[1, 4], "Flag_few_cells"] = True
    excluded = np.array([True, True, False, False, False, False])
    lines = policy_lines(sites, ["A", "A", "A", "B", "B", None], excluded, parse_policies(()))
    assert lines == [
        "   sites  excluded  for",
        "A      3         2  blurred 2, few_cells (reported) 1",
        "B      2         0  few_cells (reported) 1",
    ]
    assert policy_lines(sites.iloc[2:4], ["A", "B"], excluded[2:4], parse_policies(())) == []


def test_sites_that_a_person_listed_are_a_cause_of_their_own() -> None:
    """The cause was called as the count beside it: a table of flags with such a site was an internal error."""
    sites = pd.DataFrame(dict.fromkeys((*schema.FLAGS, schema.FLAG_EXCLUDED), False), index=range(2))
    sites.loc[0, schema.FLAG_EXCLUDED] = True
    lines = policy_lines(sites, ["A", "A"], np.array([True, False]), parse_policies(()))
    assert lines[1] == "A      2         1  listed by hand 1"
