"""Settings refuse what cannot be simulated, and say what can."""

import pytest

from kinfast.errors import UsageError
from kinfast.simulate.settings import SimulationSettings


def test_defaults_fill_the_thesis_layout() -> None:
    settings = SimulationSettings()
    assert len(settings.well_names) == 60
    assert settings.well_names[0] == "B02"
    assert settings.well_names[-1] == "G11"
    assert settings.n_controls == 12
    assert settings.n_compounds == 24


def test_the_larger_layout() -> None:
    names = SimulationSettings(layout=384).well_names
    assert (len(names), names[0], names[-1]) == (308, "B02", "O23")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"plates": 0}, "plates is 0: wanted 1 to 999"),
        ({"layout": 1536}, "layout is 1536"),
        ({"wells": 61}, "layout 96 has 60"),
        ({"compounds": 25}, "25 compounds at 4 doses need 100 wells and 96 are free"),
        ({"doses_um": (10.0, 0.0)}, "above 0"),
        ({"dark_counts": (200.0, 100.0)}, "a rising pair"),
        ({"toxicity": (0.9, 0.5)}, "a rising pair"),
        ({"inactive": 0.6, "toxic": 0.6}, "more than 1"),
        ({"compression": "jpeg"}, "one of none, lzw"),
        ({"wells": 1, "sites": 2, "dark": 2, "blank": 1}, "do not fit"),
    ],
)
def test_what_cannot_be_is_one_clear_line(change: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        SimulationSettings(**change)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
