"""Annotation files that are broken in every way we can think of, by chance that a seed decides."""

import copy
import json
from typing import Any

import numpy as np

from veggie_pl.prepare.layouts.annotations import parse

STRANGE: list[Any] = [
    None,
    True,
    -1,
    0,
    10**30,
    1.5,
    float("nan"),
    float("inf"),
    "",
    "x",
    "../../../etc/passwd",
    "/etc/passwd",
    "a\0b",
    "\ud800",
    "9" * 300,
    [],
    [[]],
    [None],
    {},
    {"size": [24, 32], "counts": [10**12]},
    {"size": [1, 1], "counts": "0"},
    {"size": [10**9, 10**9], "counts": ""},
    [[0, 0, 1e308, 0, 0, -1e308]],
    ["00000", "00000"],
]


def broken(data: bytes, rng: np.random.Generator) -> bytes:
    """Some way of breaking a JSON file: in its structure three times out of four, else in its bytes."""
    if rng.random() < 0.75:
        found = parse(data)
        for _ in range(int(rng.integers(1, 4))):
            found = _structure(found, rng)
        return json.dumps(found).encode()
    return _bytes(data, rng)


def _structure(found: Any, rng: np.random.Generator) -> Any:
    """Change one value, wherever it is."""
    places = [()]
    _walk(found, (), places)
    *way, last = places[int(rng.integers(len(places)))] or (None,)
    strange = copy.deepcopy(STRANGE[int(rng.integers(len(STRANGE)))])
    if last is None:
        return strange
    parent = found
    for step in way:
        parent = parent[step]
    match int(rng.integers(5)):
        case 0:
            del parent[last]
        case 1 if isinstance(parent, list):
            parent.append(copy.deepcopy(parent[last]))
        case 1:
            parent[str(strange)[:20]] = parent.pop(last)
        case 2 if isinstance(parent, list) and len(parent) > 1:
            parent.reverse()
        case _:
            parent[last] = strange
    return found


def _walk(found: Any, way: tuple[Any, ...], places: list[tuple[Any, ...]]) -> None:
    steps = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
    for step, value in steps:
        places.append((*way, step))
        _walk(value, (*way, step), places)


def _bytes(data: bytes, rng: np.random.Generator) -> bytes:
    place = int(rng.integers(len(data)))
    match int(rng.integers(5)):
        case 0:
            return data[:place]
        case 1:
            return b""
        case 2:
            return b"[" * 100_000
        case 3:
            return data[:place] + bytes(rng.integers(0, 256, 8, dtype=np.uint8)) + data[place + 8 :]
        case _:
            return data[:place] + data[place + int(rng.integers(1, 40)) :]
