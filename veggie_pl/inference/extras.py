"""Packages that not everybody needs: where one is missing, the message names the extra that brings it."""

from importlib import import_module
from typing import Any

from veggie_pl.errors import UseError


def need(package: str, extra: str) -> Any:
    """Import a package of an optional extra.

    Raises:
        UseError: If it is not installed.
    """
    try:
        return import_module(package)
    except ImportError as problem:
        raise UseError(f"{package} is not installed; `pip install 'veggie_pl[{extra}]'` brings it") from problem
