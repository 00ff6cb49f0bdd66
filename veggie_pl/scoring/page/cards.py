"""Samples of the page: clips side by side, with what was asked and what they scored."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from veggie_pl.batch import Clip, Mask, Skill
from veggie_pl.masks.paint import paint
from veggie_pl.metrics.report import Report, SampleScore
from veggie_pl.metrics.tables import number
from veggie_pl.scoring.page.animation import Picture, animate
from veggie_pl.scoring.page.picks import headline, pick

_FILL = "red"  # in which a mask is shown
_NOTES = 4000  # letters of a sample's notes


@dataclass(frozen=True)
class Shown:
    """The clips of a sample.

    Args:
        source: What was to be edited.
        output: What the method made of it.
        answer: The exact target, else the mask of what should change, else None.
        fps: Frames per second.
    """

    source: Clip
    output: Clip
    answer: Clip | Mask | None = None
    fps: float = 8.0


@runtime_checkable
class ClipSource(Protocol):
    """Gives the clips of a sample of the first report; they are asked for one after the other."""

    def __call__(self, sample: SampleScore) -> Shown | None:
        """Read the clips; None where they cannot be read any more."""
        ...


@dataclass(frozen=True)
class Frame:
    """A clip with its label and its words for readers who do not see it."""

    label: str
    alt: str
    picture: Picture


@dataclass(frozen=True)
class Card:
    """A sample as the page shows it."""

    kind: str  # "worst" or "best"
    sample: SampleScore
    headline: str
    frames: tuple[Frame, ...]
    values: tuple[tuple[str, str, str], ...]  # measure, number, unit
    notes: str

    @property
    def is_small(self) -> bool:
        """Whether its clips are small, so that two cards fit beside each other."""
        return all(one.picture.is_small for one in self.frames)


def cards(name: str, report: Report, clips: ClipSource) -> dict[Skill, list[Card]]:
    """Make the cards of the worst and best samples, by skill.

    Args:
        name: Of the method.
        report: Its report.
        clips: Gives the clips of its samples.
    """
    return {
        skill: [_card(name, report, one.kind, one.sample, clips(one.sample)) for one in picks]
        for skill, picks in pick(report).items()
    }


def _card(name: str, report: Report, kind: str, sample: SampleScore, shown: Shown | None) -> Card:
    units = {one.metric: one.unit for one in report.results if one.skill == sample.skill}
    values = tuple(
        (metric, number(value), units.get(metric, "")) for metric, value in sample.values.items() if metric in units
    )
    main = headline(report, sample.skill)
    said = "" if main is None else f"{main.metric} {number(sample.values.get(main.metric, math.nan))} {main.unit}"
    return Card(
        kind, sample, said, () if shown is None else _frames(name, said, sample, shown), values, _text(sample.notes)
    )


def _frames(name: str, said: str, sample: SampleScore, shown: Shown) -> tuple[Frame, ...]:
    frames = [
        Frame("source", f"Source clip. Asked: {sample.instruction}", animate(shown.source, shown.fps)),
        Frame("output", f"Output of {name}, {said}", animate(shown.output, shown.fps)),
    ]
    if shown.answer is not None and shown.answer.ndim == 4:
        frames.append(Frame("target", "The exact target", animate(shown.answer, shown.fps)))
    elif shown.answer is not None:
        painted = paint(shown.source, shown.answer, _FILL)
        frames.append(Frame("mask", "What should change, painted on the source", animate(painted, shown.fps)))
    return tuple(frames)


def _text(notes: Mapping[str, Any]) -> str:
    """Write notes down as they are: replies of judges word for word."""
    if not notes:
        return ""
    text = json.dumps(notes, indent=2, ensure_ascii=False, default=str)
    return (
        text if len(text) <= _NOTES else f"{text[:_NOTES]}\n... {len(text) - _NOTES} letters more in the report's JSON"
    )
