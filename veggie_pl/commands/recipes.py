"""A recipe is what config files ask for; what the command line makes of them is a run."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_UNSET = -1  # as Lightning has it


@dataclass(frozen=True)
class RecipeOfFiles:
    """What config files say of a run's length.

    Args:
        name: Their names; None if there are none.
        steps: ``trainer.max_steps`` of the last that has one; None if it is not limited.
        epochs: ``trainer.max_epochs``, likewise.
    """

    name: str | None
    steps: int | None
    epochs: int | None


def read_recipe(args: list[str], defaults: list[str], conf: Path) -> RecipeOfFiles:
    """Read the recipe in the config files that a command line names.

    A later file counts over an earlier one, as in the run itself. The config.yaml that a run left holds its shortened
    length, and beside it, under ``recipe``, that of its files: this one counts.

    Args:
        args: The command line: ``--config FILE`` and ``--trainer FILE``, both also with "=".
        defaults: Files read before these.
        conf: Folder of the project's configs; files inside are named by their place in it.
    """
    names: list[str] = []
    limits: dict[str, Any] = {}
    for file in defaults:
        limits |= _limits(_read(Path(file)).get("trainer"))
    for option, file in _files(args):
        content = _read(Path(file))
        if option == "--trainer":
            limits |= _limits(content)
            continue
        limits |= _limits(content.get("trainer"))
        kept = content.get("recipe")
        if isinstance(kept, dict) and kept.get("name") is not None:
            names = [str(kept["name"])]
            limits |= {"max_steps": kept.get("steps"), "max_epochs": kept.get("epochs")}
        else:
            names.append(_name(Path(file), conf))
    steps, epochs = (_count(limits.get(name)) for name in ("max_steps", "max_epochs"))
    return RecipeOfFiles("+".join(dict.fromkeys(names)) or None, steps, epochs)


def _files(args: list[str]) -> Iterator[tuple[str, str]]:
    """Give the options that name files, in their order; a config may also be given as text."""
    for place, arg in enumerate(args):
        option, equals, value = arg.partition("=")
        if option in ("--config", "--trainer"):
            value = value if equals else "".join(args[place + 1 : place + 2])
            if _is_file(value):
                yield option, value


def _is_file(value: str) -> bool:
    try:
        return Path(value).is_file()
    except (OSError, ValueError):  # a text too long for a name
        return False


def _read(file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file.read_text())
    except (yaml.YAMLError, OSError, UnicodeDecodeError):  # the parser of the configs says what is wrong
        return {}
    return content if isinstance(content, dict) else {}


def _limits(trainer: Any) -> dict[str, Any]:
    if isinstance(trainer, str) and _is_file(trainer):
        trainer = _read(Path(trainer))
    return (
        {key: trainer[key] for key in ("max_steps", "max_epochs") if key in trainer}
        if isinstance(trainer, dict)
        else {}
    )


def _count(value: Any) -> int | None:
    try:
        return None if value is None or int(value) == _UNSET else int(value)
    except (TypeError, ValueError):
        return None


def _name(file: Path, conf: Path) -> str:
    place = file.resolve()
    return str(place.relative_to(conf).with_suffix("")) if place.is_relative_to(conf) else place.stem
