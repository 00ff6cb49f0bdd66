"""Training steps that were measured on a GPU, with what was counted of them: what ``plan`` is set and checked by."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from veggie_pl.planning.counting import Counted
from veggie_pl.planning.devices import GIB
from veggie_pl.planning.work import Phase, Work

ROWS = Path(__file__).with_name("measured.json")
COUNTS = Path(__file__).with_name("measured_counts.json")  # written by benchmarks/plan_fit.py --count


@dataclass(frozen=True)
class Row:
    """One measurement.

    Args:
        step: Which step, a name of ``steps``.
        seconds: Median of a training step; None where memory was not enough.
        peak: Most bytes allocated on the GPU; where memory was not enough, what was too little.
        session: Which of the sessions; it says card, date, commit and command.
    """

    step: str
    seconds: float | None
    peak: float | None
    session: str


@dataclass(frozen=True)
class Step:
    """What was run.

    Args:
        args: Of `fit`, as `plan` takes them.
        batch: Samples.
        frames: Of a sample.
        text_tokens: Of instruction and chat template together.
        tflop: Of the step, counted on the GPU while it ran; None: it was not.
    """

    args: list[str]
    batch: int
    frames: int
    text_tokens: int
    tflop: float | None


@dataclass(frozen=True)
class Inside:
    """A part of a step, measured.

    Args:
        step: A name of ``steps``.
        what: Phases timed alone ("codec", "mllm", "diffusion and backward"), or all kernels of a kind of ``Work``.
        seconds: Of these.
        session: As of ``Row``.
    """

    step: str
    what: str
    seconds: float
    session: str


@cache
def sessions() -> Mapping[str, dict[str, str]]:
    """Read where, when and by which command the rows were measured."""
    found: dict[str, dict[str, str]] = _read(ROWS)["sessions"]
    return found


@cache
def steps() -> Mapping[str, Step]:
    """Read what was run, by name."""
    given = _read(ROWS)
    parts: dict[str, list[str]] = given["args"]
    return {
        name: Step(
            [word for part in one["args"] for word in parts[part]],
            one["batch"],
            one["frames"],
            one["text_tokens"],
            one.get("tflop"),
        )
        for name, one in given["steps"].items()
    }


@cache
def rows() -> tuple[Row, ...]:
    """Read what was measured."""
    return tuple(
        Row(step, seconds, peak and peak * GIB, session) for step, seconds, peak, session in _read(ROWS)["rows"]
    )


@cache
def inside() -> tuple[Inside, ...]:
    """Read what was measured of parts of a step."""
    return tuple(Inside(*one) for one in _read(ROWS)["inside"])


def host_seconds_a_sample() -> float:
    """Read what a sample's prompt took on the host."""
    return float(_read(ROWS)["host_seconds_a_sample"])


@cache
def counts() -> Mapping[str, Counted]:
    """Read what was counted of each step, so that nobody has to count 7 billion parameters for a check."""
    return {name: _counted(one) for name, one in _read(COUNTS).items()}


def write_counts(found: Mapping[str, Counted]) -> None:
    """Write them, zeros left out."""
    lines = []
    for name, counted in found.items():
        plain = asdict(counted)
        for phase in plain["phases"]:
            phase["parts"] = {part: {k: v for k, v in work.items() if v} for part, work in phase["parts"].items()}
        lines.append(f"{json.dumps(name)}: {json.dumps(plain)}")
    COUNTS.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def _counted(plain: dict[str, Any]) -> Counted:
    phases = [
        Phase(phase["name"], {part: Work(**work) for part, work in phase["parts"].items()}) for phase in plain["phases"]
    ]
    held = {name: (size, learning) for name, (size, learning) in plain["held"].items()}
    return Counted(**{**plain, "held": held, "phases": phases})


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found
