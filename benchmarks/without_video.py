"""Lets networks be measured where no video package is installed: nothing here opens a video."""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

PACKAGES = ("av", "decord")


class _StandIn(MagicMock):
    """Has whatever is asked of it; what begins with a capital is a class, so that it can be named in a signature."""

    def __getattr__(self, name: str) -> Any:
        if not name[:1].isupper():
            return super().__getattr__(name)
        made = type(name, (Exception if name.endswith("Error") else object,), {})
        setattr(self, name, made)
        return made


class _StandIns:
    """Finds a module that is there in name only, and whatever is in it."""

    def __init__(self, packages: Sequence[str]) -> None:
        self.packages = packages

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        return ModuleSpec(name, self, is_package=True) if name.split(".")[0] in self.packages else None  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> Any:
        module = _StandIn(name=spec.name)
        module.__name__, module.__path__, module.__version__ = spec.name, [], "none"
        return module

    def exec_module(self, module: ModuleType) -> None:
        pass


def stand_in() -> list[str]:
    """Put something in the place of the video packages that are missing; returns their names."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        sys.meta_path.append(_StandIns(missing))
    return missing
