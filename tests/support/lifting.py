"""Small steps that lift a pair of pictures, each counting its calls in a file; and tables for them."""

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from veggie_pl.batch import Example, Skill
from veggie_pl.data.table import TableInfo, write_table
from veggie_pl.data.table.schema import Row
from veggie_pl.synthesis.protocols import (
    Animation,
    Assessment,
    Description,
    Frames,
    ItemError,
    Lifted,
    Picture,
    Still,
)
from veggie_pl.synthesis.steps import Task
from veggie_pl.video.media import Media

SKILLS = (Skill.REMOVAL, Skill.ADDITION, Skill.VISUAL_FEATURE)


class _Counted:
    """Writes a line for each call, from whatever process."""

    def __init__(self, log: str = "", stored: bool = True) -> None:
        self.log, self.stored = log, stored

    def count(self, still: Still) -> None:
        if self.log:
            with Path(self.log).open("a") as file:
                file.write(f"{type(self).__name__} {still.example.key}\n")


class Words(_Counted):
    digest = "words"

    def describe(self, still: Still, seed: int) -> Description:
        self.count(still)
        return Description("a scene", f"a scene: {still.example.instruction}", f"move {seed % 3}")


class Pan(_Counted):
    """Rolls the picture by some pixels a frame; some instructions are beyond it."""

    def __init__(self, num_frames: int = 3, log: str = "", stored: bool = True) -> None:
        super().__init__(log, stored)
        self.num_frames = num_frames

    @property
    def digest(self) -> str:
        return f"pan {self.num_frames}"

    def animate(self, still: Still, description: Description, seed: int) -> Animation:
        self.count(still)
        asked = still.example.instruction or ""
        if "impossible" in asked:
            raise ItemError("the picture cannot move")
        if "huge" in asked:
            raise MemoryError
        if "deadly" in asked:
            os.kill(os.getpid(), signal.SIGKILL)
        shift = 1 + seed % 5
        return Animation(rolled(still.source, shift, self.num_frames), 8.0, {"shift": shift})


class Follow(_Counted):
    digest = "follow"

    def propagate(self, still: Still, description: Description, animation: Animation, seed: int) -> Frames:
        self.count(still)
        shift = animation.motion["shift"]
        assert isinstance(shift, int)
        return rolled(still.target, shift, len(animation.frames))


@dataclass(frozen=True)
class Bound:
    least: float | None = None
    most: float | None = None


class Change(_Counted):
    """Keeps pairs that differ enough; judges anew only by measuring anew."""

    units = {"change": "gray levels"}  # noqa: RUF012

    def __init__(self, least: float = 0.5, log: str = "", stored: bool = True) -> None:
        super().__init__(log, stored)
        self.rules = {"change": Bound(least)}

    @property
    def digest(self) -> str:
        return f"change {self.rules}"

    def assess(self, lifted: Lifted) -> Assessment:
        self.count(lifted.still)
        change = float(np.abs(lifted.source.astype(float) - lifted.target).mean())
        least = self.rules["change"].least
        assert least is not None
        return Assessment({"change": change, "nothing": float("nan")}, ("change",) if change < least else ())


class MeasuredChange(Change):
    """Judges by what was measured before."""

    measured = "change"

    def broken(self, values: Mapping[str, float]) -> tuple[str, ...]:
        least = self.rules["change"].least
        assert least is not None
        return ("change",) if values["change"] < least else ()


class Unsure(Change):
    """Has a judge that never answers."""

    def assess(self, lifted: Lifted) -> Assessment:
        return replace(super().assess(lifted), notes={"judge": {"failures": ["no number in its reply"]}})


def rolled(picture: Picture, shift: int, num_frames: int) -> Frames:
    return np.stack([np.roll(picture, shift * number, 1) for number in range(num_frames)])


def steps(
    log: Path | str = "", least: float = 0.5, num_frames: int = 3, stored: bool = True, assess: str = "Change"
) -> dict[str, Any]:
    """The steps of a task, in words."""
    own: dict[str, dict[str, Any]] = {
        "describe": {"class": "Words"},
        "animate": {"class": "Pan", "num_frames": num_frames},
        "propagate": {"class": "Follow"},
        "assess": {"class": assess, "least": least},
    }
    return {
        name: {
            "class_path": f"support.lifting.{args.pop('class')}",
            "init_args": {**args, "log": str(log), "stored": stored},
        }
        for name, args in own.items()
    }


def calls(log: Path) -> list[str]:
    """Names of the steps that were called, in their order; the file is empty afterwards."""
    lines = log.read_text().splitlines() if log.exists() else []
    log.unlink(missing_ok=True)
    return [line.split()[0] for line in lines]


def pictures(number: int, side: int = 32) -> tuple[Picture, Picture]:
    """A scene, and the same with a square in it; of every fifth pair, without."""
    rng = np.random.default_rng(number)
    source = cv2.resize(rng.integers(0, 255, (6, 6, 3), dtype=np.uint8), (side, side), interpolation=cv2.INTER_CUBIC)
    target = source.copy()
    if number % 5:
        target[8:20, 8:20] = 255 - target[8:20, 8:20]
    return source, target


def write_stills(folder: Path, count: int, side: int = 32, asked: dict[int, str] | None = None) -> Path:
    """A prepared table of pairs, of which some may ask for special things; returns its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(count):
        for name, picture in zip(("source", "target"), pictures(number, side), strict=True):
            cv2.imwrite(str(folder / f"{number}_{name}.png"), picture[..., ::-1])
        skill = SKILLS[number % len(SKILLS)]
        said = (asked or {}).get(number, f"do {skill} to the square")
        example = Example(
            f"stills/train/{number}", skill, said, phrase="square", caption="after", source_caption="before"
        )
        rows.append(Row(example, (Media(f"{number}_source.png"),), (Media(f"{number}_target.png"),)))
    table = folder / "train"
    write_table(table, rows, TableInfo(card="stills", root=str(folder), licence="CC0-1.0"))
    return table


def task_of(folder: Path, table: Path, **changes: Any) -> Task:
    """A task whose store lies in a folder."""
    words = {name: changes.pop(name) for name in ("log", "least", "num_frames", "stored", "assess") if name in changes}
    return replace(Task(str(table), steps(**words), str(folder / "store")), **changes)


class Stay(_Counted):
    """The edited picture, which does not move."""

    digest = "stay"

    def propagate(self, still: Still, description: Description, animation: Animation, seed: int) -> Frames:
        self.count(still)
        return rolled(still.target, 0, len(animation.frames))
