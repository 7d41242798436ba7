"""The thesis' runs as recipes: YAML files in data_specs/recipes that state every parameter, and which are ours."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator

from kinfast.config import TrainConfig
from kinfast.errors import KinfastError, SpecError, UsageError
from kinfast.plate.shipped import shipped_folder
from kinfast.plate.spec_files import read_mapping, validate
from kinfast.studies.settings import read_mapping as read_config

FOLDER = "recipes"


class Recipe(BaseModel):
    """One run of the thesis.

    Attributes:
        name: of the recipe, and of its file.
        section: of the thesis.
        shows: figure or table that the thesis made of it.
        thesis: what it says of the run.
        ours: what it does not say, and what was chosen in its place.
        train: options of `kinfast train`, all that decide.
        reference: what the thesis got.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    section: str
    shows: str
    thesis: str
    ours: str
    train: dict[str, Any]
    reference: dict[str, float] = {}

    @field_validator("train")
    @classmethod
    def _known_options(cls, value: dict[str, Any]) -> dict[str, Any]:
        try:
            read_config(value)
        except KinfastError as error:
            raise ValueError(str(error)) from None
        return value

    @property
    def config(self) -> TrainConfig:
        """What the run is trained with."""
        return read_config(self.train)


def recipe_folder() -> Path:
    """Give the folder of the shipped recipes."""
    return shipped_folder() / FOLDER


def list_recipes() -> list[Recipe]:
    """Read all shipped recipes, in the thesis' order."""
    return sorted((read_recipe(path) for path in recipe_folder().glob("*.yaml")), key=lambda r: (r.section, r.name))


def find_recipe(name: str) -> Recipe:
    """Read a recipe by its name, or from a file of one's own.

    Raises:
        UsageError: there is none.
        SpecError: it says something that no run has.
    """
    shipped = recipe_folder() / f"{name}.yaml"
    for path in (shipped, Path(name)):
        if path.is_file():
            return read_recipe(path)
    raise UsageError(f"no recipe {name!r}: `kinfast reproduce --list` shows them; a YAML file of your own will do, too")


def read_recipe(path: Path) -> Recipe:
    """Read and check a recipe's file.

    Raises:
        SpecError: it cannot be read, or its name is not its file's.
    """
    recipe = validate(Recipe, read_mapping(path), str(path))
    if recipe.name != path.stem:
        raise SpecError(f"{path}: name: found {recipe.name!r}, wanted {path.stem!r}, the file's name")
    return recipe
