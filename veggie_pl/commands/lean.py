"""Importing large libraries quickly: without collecting garbage on the way, and without what is not used.

The thousands of modules behind torch, diffusers and transformers live as long as the process; looking through them for
garbage again and again is a third of the time that they take to import.
"""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# What diffusers and transformers import if they find it, for features that editing does not have.
OPTIONAL = ("peft", "scipy")


@contextmanager
def quick_imports() -> Iterator[None]:
    """Import what a command needs: the garbage collector never looks at what that makes."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()


@contextmanager
def lean_imports() -> Iterator[None]:
    """Import as ``quick_imports``, and as if optional packages were not installed; afterwards they are there again.

    For processes that do nothing but edit: training imports everything as it comes. What is imported already stays.
    """
    hidden = [name for name in OPTIONAL if name not in sys.modules]
    modules: dict[str, Any] = sys.modules
    modules.update(dict.fromkeys(hidden))  # None makes an import fail: see Python's documentation of sys.modules
    try:
        with quick_imports():
            yield
    finally:
        for name in hidden:
            del modules[name]
