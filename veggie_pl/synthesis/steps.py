"""The four steps of a run, from class paths in a config to objects; words travel to other processes, objects do not."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Protocol, runtime_checkable

from jsonargparse import ArgumentParser

from veggie_pl.synthesis.protocols import Animator, Assessor, Describer, Propagator
from veggie_pl.synthesis.stills import Moved, Size, Stills
from veggie_pl.synthesis.store import Store

StepName = Literal["describe", "animate", "propagate", "assess"]
KINDS: dict[StepName, type] = {"describe": Describer, "animate": Animator, "propagate": Propagator, "assess": Assessor}


@runtime_checkable
class Rejudging(Assessor, Protocol):
    """An assessor whose measures do not depend on its bounds: with other bounds, nothing is measured again."""

    @property
    def measured(self) -> str:
        """Name all that values depend on."""
        ...

    def broken(self, values: Mapping[str, float]) -> tuple[str, ...]:
        """Name the rules that values break, in the order of the config."""
        ...


@dataclass(frozen=True)
class Steps:
    """One object for each step."""

    describe: Describer
    animate: Animator
    propagate: Propagator
    assess: Assessor

    @cached_property
    def digests(self) -> dict[StepName, str]:
        """Name each step: class, parameters and the content of its model."""
        return {name: getattr(self, name).digest for name in KINDS}

    def stores(self, name: str) -> bool:
        """Tell whether outputs of a step are kept; those that are made faster than read say ``stored = False``.

        A step that is not stored has to give the same for the same input, to the bit.
        """
        return bool(getattr(getattr(self, name), "stored", True))


def build_steps(words: Mapping[str, Any]) -> Steps:
    """Build the steps that class paths and their arguments name.

    Args:
        words: By step: ``class_path`` and ``init_args``.

    Raises:
        UseError: If a step cannot be built, as its class says it.
    """
    parser = ArgumentParser(exit_on_error=False)
    for name, kind in KINDS.items():
        parser.add_argument(f"--{name}", type=kind, required=True)
    own = {name: deepcopy(words[name]) for name in KINDS}  # the parser writes into what it reads
    made = parser.instantiate_classes(parser.parse_object(own))
    return Steps(*(made[name] for name in KINDS))


@dataclass(frozen=True)
class Task:
    """All that outputs depend on, and where they are kept.

    Args:
        table: Folder of the prepared table of image-edit pairs.
        steps: By step: class path and arguments.
        store: Folder of outputs.
        root: Folder of the table's media, if they were moved.
        size: Height and width of the clips; None keeps those of the pictures.
        moved: Which picture is set in motion.
        seed: Another seed, other clips.
        lossless: Keep every pixel of the clips that are made.
    """

    table: str
    steps: Mapping[str, Any]
    store: str
    root: str | None = None
    size: Size | None = None
    moved: Moved = "source"
    seed: int = 0
    lossless: bool = False

    def stills(self) -> Stills:
        """Open the table."""
        return Stills(self.table, self.root, self.size, self.moved)

    def open_store(self) -> Store:
        """Open the store."""
        return Store(self.store)
