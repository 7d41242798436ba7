"""Options of training as words."""

import pytest

from kinfast.config import TrainConfig
from kinfast.errors import UsageError
from kinfast.studies.settings import field_name, read_mapping, read_settings
from kinfast.studies.space import all_combinations, name_changes, read_choices, read_range


def test_words_become_values_of_the_options_types() -> None:
    words = ["lr=1e-4", "epochs=20", "class-weights=false", "composites=MiCoPh,MiSyHo", "scale=0.8,1.25", "bs=8"]
    assert read_settings(words) == {
        "learning_rate": 1e-4,
        "epochs": 20,
        "class_weights": False,
        "composites": ("MiCoPh", "MiSyHo"),
        "scale": (0.8, 1.25),
        "batch_size": 8,
    }
    assert read_settings(["learning_rate=default", "weights=none"]) == {"learning_rate": None, "weights": "none"}


def test_yaml_becomes_a_config() -> None:
    config = read_mapping({"optimizer": "sgd", "learning_rate": "1e-4", "optimizer_parameters": ["momentum=0"]})
    assert config == TrainConfig(optimizer="sgd", learning_rate=1e-4, optimizer_parameters=("momentum=0",))


@pytest.mark.parametrize(
    ("word", "said"),
    [("epoch=2", "no option 'epoch'"), ("epochs=many", "epochs=many"), ("epochs", "wanted NAME=VALUE")],
)
def test_what_cannot_be_read_is_one_line(word: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_settings([word])


def test_a_grid_is_every_combination_in_order() -> None:
    grid = [read_choices("lr=1e-4,1e-3"), read_choices("composites=MiCoPh|MiCoPh,SyHoPh")]
    combinations = all_combinations(grid)
    assert [one["learning_rate"] for one in combinations] == [1e-4, 1e-4, 1e-3, 1e-3]
    assert [one["composites"] for one in combinations[:2]] == [("MiCoPh",), ("MiCoPh", "SyHoPh")]
    assert name_changes(combinations[1]) == "lr=0.0001_composites=MiCoPh+SyHoPh"


def test_ranges_of_a_factor_of_ten_are_logarithmic() -> None:
    assert read_range("lr=1e-5..1e-2").logarithmic
    assert not read_range("dropout=0.1..0.6").logarithmic
    assert read_range("batch-size=8..64").whole


@pytest.mark.parametrize("word", ["lr=1e-3,1e-3", "lr=", "lr"])
def test_a_grid_that_is_none_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="--grid"):
        read_choices(word)


@pytest.mark.parametrize("word", ["lr=1e-2..1e-5", "optimizer=adam..sgd", "lr=1e-2"])
def test_a_range_that_is_none_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="--range"):
        read_range(word)


def test_short_names_are_names() -> None:
    assert field_name("lr") == field_name("learning-rate") == "learning_rate"
