"""Wordings that people wrote and nothing is trained on: what a model makes of language it has not been told."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from veggie_pl.batch import Skill
from veggie_pl.data.instructions.templates import with_articles
from veggie_pl.errors import UseError


class Written(NamedTuple):
    """One wording.

    Args:
        kind: What is unusual about it, one of ``KINDS``.
        text: With the slots of ``templates.word`` in braces.
    """

    kind: str
    text: str

    def say(self, slots: Mapping[str, str]) -> str:
        """Fill the slots in; those of a text in capitals are in capitals, too.

        Raises:
            UseError: If a slot is not given.
        """
        if lacking := [name for name in re.findall(r"\{(\w+)\}", self.text) if name not in slots]:
            raise UseError(f"{self.text!r} needs {', '.join(lacking)}; given are {', '.join(sorted(slots)) or 'none'}")
        text = with_articles(self.text.format(**slots))
        text = text[0].upper() + text[1:]
        change = {"lower case": str.lower, "capitals": str.upper}.get(self.kind, str)
        return change(text)


def _read() -> dict[Skill, tuple[Written, ...]]:
    """Read the file; the kinds of each skill take turns, so that the first few are of every kind."""
    kinds = json.loads(Path(__file__).with_name("written.json").read_text(encoding="utf-8"))
    return {
        Skill(skill): tuple(
            Written(kind, text)
            for turn in zip(*by_kind.values(), strict=True)
            for kind, text in zip(by_kind, turn, strict=True)
        )
        for skill, by_kind in kinds.items()
    }


WRITTEN = _read()
KINDS = tuple(dict.fromkeys(one.kind for wordings in WRITTEN.values() for one in wordings))


def written(skill: Skill, index: int) -> Written:
    """Return the wording of example ``index`` of a skill: all take turns."""
    return WRITTEN[skill][index % len(WRITTEN[skill])]


def plain(text: str) -> str:
    """Return what two wordings have in common that differ in case, marks and spaces alone: words between spaces."""
    return " ".join(re.findall(r"\{\w+\}|[\w']+", text.casefold()))
