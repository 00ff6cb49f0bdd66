"""Keep C++ libraries from writing to the screen what they also raise, without touching the process's standard error."""

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

_BAD = 1  # std::ios_base::badbit: what is written to the stream goes nowhere
_lock = threading.Lock()
_holders = 0


@contextmanager
def hush() -> Iterator[None]:
    """Silence ``std::cerr`` until the last of the threads that are in here is out.

    File descriptor 2 stays what it is: Python, other libraries and processes that are started meanwhile go on writing
    to it. To point it elsewhere and back would lose it for good where two threads do so at a time.
    """
    _enter(1)
    try:
        yield
    finally:
        _enter(-1)


def _enter(more: int) -> None:
    global _holders
    with _lock:
        _holders += more
        if _holders == max(more, 0):  # the first in, or the last out
            _set_state(_BAD if more > 0 else 0)


def _start_anew() -> None:
    """In a forked process there is no other thread that would let go."""
    global _holders, _lock
    _holders, _lock = 0, threading.Lock()
    if _cerr.cache_info().currsize:
        _set_state(0)


os.register_at_fork(after_in_child=_start_anew)


def _set_state(state: int) -> None:
    if (found := _cerr()) is not None:
        library, stream = found
        library._ZNSt9basic_iosIcSt11char_traitsIcEE5clearESt12_Ios_Iostate(ctypes.c_void_p(stream), state)


@cache
def _cerr() -> tuple[ctypes.CDLL, int] | None:
    """GNU's C++ library and the address of ``std::ios`` in its ``std::cerr``; None where there is another library."""
    try:
        library = ctypes.CDLL("libstdc++.so.6")
        start = ctypes.addressof(ctypes.c_char.in_dll(library, "_ZSt4cerr"))
        _ = library._ZNSt9basic_iosIcSt11char_traitsIcEE5clearESt12_Ios_Iostate
    except (OSError, ValueError, AttributeError):
        return None
    table = ctypes.c_void_p.from_address(start).value
    assert table is not None
    # Where a virtual base lies is written three words before the table of virtual functions (Itanium C++ ABI, 2.5.2).
    return library, start + ctypes.c_ssize_t.from_address(table - 3 * ctypes.sizeof(ctypes.c_void_p)).value
