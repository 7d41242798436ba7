"""The one test that is declared beforehand, better than the prior at 5 %, fires as often as it should."""

import pytest
from benchmarks.science import synthetic


@pytest.mark.slow
def test_it_fires_on_three_to_seven_per_cent_of_500_ignorant_seeds() -> None:
    """Exact at 5 %: of 500 such counts 96 % lie in 15 … 35; the seeds are fixed."""
    assert 0.03 <= float(str(synthetic(500)["share"])) <= 0.07
