"""Checks of annotations while tests run: shapes where there are arrays, types alone, which is quicker, elsewhere.

``--jaxtyping-packages`` decorates every function with ``jaxtyping.jaxtyped``, which binds the arguments of each call to
tell the axes of its arrays apart. What has no array in its signature is checked by the same beartype without that.
"""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

import jaxtyping

WHOLE = jaxtyping.jaxtyped


def has_arrays(function: Any) -> bool:
    """Tell whether an annotation names an array of jaxtyping; a text, which may name anything, counts as one."""
    return any(isinstance(one, str) or "jaxtyping" in repr(one) for one in function.__annotations__.values())


def jaxtyped(*, typechecker: Any) -> Callable[[Any], Any]:
    """As jaxtyping's, whose work is left to the type checker where there is no array."""

    def decorate(one: Any) -> Any:
        if inspect.isfunction(one) and not has_arrays(one):
            return typechecker(one)
        made = vars(one).get("__init__") if dataclasses.is_dataclass(one) else None  # of a dataclass, by Python
        if inspect.isfunction(made) and made.__code__.co_filename == "<string>" and not has_arrays(made):
            one.__init__ = typechecker(made)
            return one
        return WHOLE(one, typechecker=typechecker)

    return decorate


def install() -> None:
    """Have what is imported from now on checked so."""
    jaxtyping.jaxtyped = jaxtyped  # type: ignore[assignment]
