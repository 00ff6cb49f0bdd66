"""Scores that are known already: one small file a sample, named by all that its numbers depend on."""

import hashlib
import json
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from veggie_pl.files import whole_file

log = logging.getLogger(__name__)
SCORES = 1  # raised when any measure changes its value for the same output


@dataclass(frozen=True)
class Kept:
    """What one output scored, and what was asked of it."""

    instruction: str
    values: Mapping[str, float]
    notes: Mapping[str, Any]


class ScoreStore:
    """Keeps the scores of outputs by content, so that a run that was stopped, or is run again, goes on from there.

    A name is made of the example's fingerprint, the output's digest and what measures it. Files appear whole or not at
    all; several processes may write one store. What is no scores of ours is computed again.

    Args:
        folder: Where they lie; None keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def get(self, name: str) -> Kept | None:
        """Return what is known under a name; None where nothing is."""
        if self.folder is None:
            return None
        path = self._path(name)
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            values = {key: math.nan if value is None else float(value) for key, value in found["values"].items()}
            return Kept(str(found["instruction"]), values, dict(found["notes"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("%s is no scores (%s) and is computed again", path, " ".join(str(error).split()))
            return None

    def put(self, name: str, kept: Kept) -> None:
        """Keep what a sample scored.

        Raises:
            OSError: If it cannot be written.
        """
        if self.folder is None:
            return
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        values = {key: None if math.isnan(value) else value for key, value in kept.values.items()}
        text = json.dumps({"instruction": kept.instruction, "values": values, "notes": kept.notes}, allow_nan=False)
        with whole_file(path, shared=True) as partial:
            partial.write_text(text, encoding="utf-8")

    def _path(self, name: str) -> Path:
        assert self.folder is not None
        return self.folder / name[:2] / f"{name}.json"


def name_of(*parts: str) -> str:
    """Make a name of all that scores depend on."""
    return hashlib.blake2b("\0".join((str(SCORES), *parts)).encode(), digest_size=16).hexdigest()
