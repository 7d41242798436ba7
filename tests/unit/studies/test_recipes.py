"""Every run of the thesis is a recipe, and states every parameter."""

import re
from pathlib import Path

import pytest

from kinfast.config import OPTIMIZERS
from kinfast.errors import SpecError, UsageError
from kinfast.studies.recipes import find_recipe, list_recipes, read_recipe
from kinfast.studies.thesis import BACKBONES, EXTREMES, FIGURE_RECIPES, MODES, PLACES, printed_tables
from kinfast.train.stepping.optimizers import optimizer_parameters

RECIPES = list_recipes()
DECIDES = ["backbone", "weights", "composites", "head", "dropout", "task", "split_by", "validation_fraction"]
DECIDES += ["test_fraction", "optimizer", "learning_rate", "optimizer_parameters", "schedule", "warmup_epochs"]
DECIDES += ["clip_norm", "batch_size", "epochs", "patience", "label_smoothing", "class_weights", "input_size", "seed"]
KERAS = {"adam": {"eps": 1e-7}, "nadam": {"eps": 1e-7}, "rmsprop": {"alpha": 0.9, "eps": 1e-7}, "sgd": {"momentum": 0}}


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_a_recipe_states_all_that_decides(recipe: object) -> None:
    assert set(DECIDES) <= set(recipe.train)  # type: ignore[attr-defined]
    config = recipe.config  # type: ignore[attr-defined]
    stated = {word.partition("=")[0] for word in config.optimizer_parameters}
    assert stated == set(OPTIMIZERS[config.optimizer])
    found = optimizer_parameters(config.optimizer, momentum=None, weight_decay=None, others=config.optimizer_parameters)
    assert found | KERAS[config.optimizer] == found


def test_every_run_of_the_thesis_is_there() -> None:
    sections = {
        section: [r for r in RECIPES if r.section == section] for section in ("3.5", "3.6", "3.7", "3.8", "3.9")
    }
    assert {section: len(found) for section, found in sections.items()} == {
        "3.5": 1,
        "3.6": 7,
        "3.7": 6,
        "3.8": 9,
        "3.9": 12,
    }
    runs = {(r.config.optimizer, r.config.learning_rate, r.config.batch_size) for r in sections["3.6"]}
    assert {("rmsprop", 1e-4, 32), ("rmsprop", 1e-4, 128), ("sgd", 0.01, 32), ("sgd", 0.01, 128)} <= runs
    assert any(r.config.rotation_degrees == 90 for r in sections["3.6"])
    assert {r.config.learning_rate for r in sections["3.8"]} == {1e-4}
    streams = {r.name: r.config.composites for r in RECIPES if r.section == "5.9"}
    assert sorted(len(composites or ()) for composites in streams.values()) == [1, 1, 2]


def test_table_1_has_a_recipe_for_each_cell_and_the_recipe_its_number() -> None:
    printed = printed_tables()["table1"]
    assert len(PLACES) == 18
    for place in PLACES:
        recipe = find_recipe(place.recipe)
        assert recipe.reference["roc_auc_micro"] == printed[place.backbone][place.column]
        assert recipe.config.backbone == place.backbone
        assert (recipe.config.weights == "none") == (place.mode == "adam-scratch")
        assert recipe.config.composites == ("MiCoPh", {"one": "MiSyHo", "two": "SyHoPh"}[place.input])
    assert find_recipe("thesis-3.9-vgg16-sgd").config.learning_rate == 0.01
    for recipes in FIGURE_RECIPES.values():
        assert all(find_recipe(name).name == name for name in recipes.values())


def test_the_printed_tables_are_the_thesis() -> None:
    printed = printed_tables()
    assert list(printed["table1"]) == list(BACKBONES)
    assert (printed["table1"]["resnet50"][4], printed["table1"]["mobilenet_v2"][2]) == (0.939, 0.499)
    for name in EXTREMES:
        for mode in MODES:
            low, high = printed[name][mode]["lowest"], printed[name][mode]["highest"]
            assert (len(low), len(high)) == (5, 5)
            assert [*low.values(), *high.values()] == sorted([*low.values(), *high.values()])
    assert printed["table3"]["adam-scratch"]["lowest"]["PDGFR,cKit,Bcr-Abl"] == 0.025908


def test_a_recipe_of_ones_own_is_checked(tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "data_specs/recipes/thesis-3.8-vgg16-sgd.yaml").read_text()
    (tmp_path / "mine.yaml").write_text(text.replace("thesis-3.8-vgg16-sgd", "mine"))
    assert find_recipe(str(tmp_path / "mine.yaml")).config.backbone == "vgg16"
    (tmp_path / "mine.yaml").write_text(re.sub(r"  dropout: .*", "  dropuot: 0.5", text))
    with pytest.raises(SpecError, match="dropuot"):
        read_recipe(tmp_path / "mine.yaml")
    with pytest.raises(UsageError, match="kinfast reproduce --list"):
        find_recipe("thesis-9")
