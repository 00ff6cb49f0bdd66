"""The outputs of a method, looked at before anything long starts: which are there, and which can be compared."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from veggie_pl.errors import UseError
from veggie_pl.metrics.edited_files import EditFolder
from veggie_pl.metrics.report import State
from veggie_pl.metrics.tables import Grid
from veggie_pl.scoring.fit import Shape, check_fit
from veggie_pl.scoring.headers import KnownHeaders
from veggie_pl.scoring.units import Unit

_CHUNK = 2**20  # bytes read at a time
_SHOWN = 3  # files named of one kind
_EVERYTHING = "no output of the bench is in"


@dataclass(frozen=True)
class Output:
    """What lies on disk for an example.

    Args:
        unit: The example.
        path: Where it lies; None where it is missing.
        state: "scored" if it can be compared.
        reason: Why not, otherwise.
        note: How it is fitted to its source, where it is not of its size and length.
        digest: Of its bytes; empty where it is missing or cannot be read.
        name: Of its file, below the folder of outputs.
    """

    unit: Unit
    path: Path | None
    state: State
    reason: str = ""
    note: str = ""
    digest: str = ""
    name: str = ""


def look(
    units: Sequence[Unit],
    edits: EditFolder,
    expected: Callable[[Unit], Shape],
    tell: Callable[[int], None] = lambda done: None,
    headers: KnownHeaders | None = None,
) -> list[Output]:
    """Look at every output by its name and header; pixels are not decoded.

    Args:
        units: Examples of the bench.
        edits: Where the outputs lie.
        expected: Frames and size of an example as the bench gives it, and what is known of its source.
        tell: Hears how many are done.
        headers: What is known of outputs that were looked at before; None knows nothing.

    Raises:
        UseError: If none of them is there: the folder or the naming is wrong; or two files are named as one output.
    """
    headers = headers or KnownHeaders(None)
    found = []
    for done, unit in enumerate(units, 1):
        path = edits.find(unit.skill, unit.index, unit.key)
        name = "" if path is None else path.relative_to(edits.folder).as_posix()
        found.append(_look(unit, path, name, expected, headers))
        tell(done)
    if all(one.state == "missing" for one in found):
        names = [edits.name(unit.skill, unit.index, unit.key) for unit in units[:2]]
        other = "index" if edits.naming == "key" else "key"
        raise UseError(
            f"{_EVERYTHING} {edits.folder}: looked for {' and '.join(names)} (.mp4, another video or picture, or a "
            f"folder of pictures); --naming {other} calls them otherwise"
        )
    return found


def _look(unit: Unit, path: Path | None, name: str, expected: Callable[[Unit], Shape], headers: KnownHeaders) -> Output:
    if path is None:
        return Output(unit, None, "missing", "there is no file of its name")
    try:
        digest = digest_of(path)
        own = headers.read(path, digest)
    except (UseError, OSError) as error:
        return Output(unit, path, "unreadable", " ".join(str(error).split()), name=name)
    fit = check_fit(own, expected(unit))
    state: State = "scored" if fit.fits else "unfit"
    reason, note = ("", fit.said) if fit.fits else (fit.said, "")
    return Output(unit, path, state, reason, note, digest, name)


def digest_of(path: Path) -> str:
    """Hash the bytes of a file, or of the files in a folder with their names."""
    digest = hashlib.blake2b(digest_size=16)
    is_folder = path.is_dir()
    for file in sorted(os.scandir(path), key=lambda entry: entry.name) if is_folder else [path]:
        if is_folder:
            digest.update(f"{file.name}\0".encode())
        if file.is_file():
            with open(file, "rb") as opened:
                while chunk := opened.read(_CHUNK):
                    digest.update(chunk)
    return digest.hexdigest()


def findings(outputs: Sequence[Output], others: Sequence[Path], folder: Path) -> Grid:
    """List what was found, the kinds with examples: what is compared as it is, fitted, missing, not to be used, extra.

    Args:
        outputs: As ``look`` found them.
        others: Files beside them that belong to no example.
        folder: Where they lie.
    """
    kinds: dict[tuple[str, str], list[str]] = {}
    for one in outputs:
        name = one.name or one.unit.key
        said = one.reason.removeprefix(f"{one.path}: ") if one.reason else one.note
        kinds.setdefault((_WORDS[one.state] if one.reason or not one.note else "fitted", said), []).append(name)
    rows = [
        (kind, f"{said or 'as the bench asks'}: {_some(names)}", str(len(names)))
        for (kind, said), names in kinds.items()
    ]
    rows.sort(key=lambda row: (_ORDER.index(row[0]), -int(row[2])))
    if others:
        extra = _some([one.name for one in others])
        rows.append(("extra", f"named as no example, left alone: {extra}", str(len(others))))
    return Grid(f"outputs in {folder}", ("found", "what", "n"), tuple(rows))


_WORDS: Mapping[State, str] = {"scored": "good", "missing": "missing", "unreadable": "unreadable", "unfit": "unfit"}
_ORDER = ("good", "fitted", "unfit", "unreadable", "missing", "extra")


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def counts(outputs: Sequence[Output]) -> dict[str, int]:
    """Count the outputs by state."""
    return dict(Counter(one.state for one in outputs))
