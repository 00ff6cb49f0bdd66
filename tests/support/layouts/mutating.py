"""Annotation files with something wrong in them, many ways, by a seed."""

import json
from typing import Any

import numpy as np

NASTY: tuple[Any, ...] = (
    None, True, -1, 0, 1e300, float("nan"), 10**30, "", " ", "../../etc/passwd", "/etc/passwd", "a\0b", "\ud800",
    "x" * 5000, [], {}, [[]], [None], {"": None}, ["../x"], "999", 256,
)  # fmt: skip


def mutated(data: bytes, seed: int) -> bytes:
    """One change: of bytes for even seeds, of a JSON value (or of one in a line) for odd ones."""
    rng = np.random.default_rng(seed)
    return _values(data, rng) if seed % 2 else _bytes(data, rng)


def _bytes(data: bytes, rng: np.random.Generator) -> bytes:
    place, length = int(rng.integers(len(data))), int(rng.integers(1, 9))
    kind = int(rng.integers(5))
    if kind == 0:
        return data[:place]
    if kind == 1:
        return data[:place] + data[place + length :]
    if kind == 2:
        return data[:place] + bytes(rng.integers(0, 256, length, dtype=np.uint8)) + data[place + length :]
    if kind == 3:
        return data[:place] + data[max(0, place - 8 * length) :]
    return data[:place] + b"[" * (10 ** int(rng.integers(1, 6))) + data[place:]


def _values(data: bytes, rng: np.random.Generator) -> bytes:
    try:
        return json.dumps(_changed(json.loads(data), rng)).encode()
    except ValueError:
        lines = data.splitlines()
        whole = [number for number, line in enumerate(lines) if line.endswith(b"}")]
        if not whole:
            return _bytes(data, rng)
        one = whole[int(rng.integers(len(whole)))]
        lines[one] = json.dumps(_changed(json.loads(lines[one]), rng)).encode()
        return b"\n".join(lines)


def _changed(value: Any, rng: np.random.Generator) -> Any:
    """The value with one part, at any depth, that is another or gone."""
    nasty = NASTY[int(rng.integers(len(NASTY)))]
    if not isinstance(value, dict | list) or not value or rng.random() < 0.15:
        return nasty
    places: list[Any] = list(value) if isinstance(value, dict) else list(range(len(value)))
    place, copied = places[int(rng.integers(len(places)))], value.copy()
    if rng.random() < 0.15:
        del copied[place]
    elif isinstance(copied, dict) and rng.random() < 0.1:
        copied["\ud800" if rng.random() < 0.5 else str(nasty)[:40]] = copied.pop(place)
    else:
        copied[place] = _changed(value[place], rng)
    return copied
