"""One pair on its way through the four steps: each output is looked up, or made and kept, when it is needed."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from veggie_pl.errors import UseError
from veggie_pl.seeding import fingerprint
from veggie_pl.synthesis.outcome import Outcome
from veggie_pl.synthesis.protocols import Animation, Assessment, Description, Frames, ItemError, Lifted, Still
from veggie_pl.synthesis.steps import KINDS, Rejudging, StepName, Steps
from veggie_pl.synthesis.stills import Stills
from veggie_pl.synthesis.store import Store, digest_of, name_of
from veggie_pl.video.mp4 import decode_mp4, encode_mp4

FRAMES = "frames.mp4"
PAIR = ("source.mp4", "target.mp4")  # the clip that was set in motion, and the one carried along


class DamagedError(UseError):
    """A file of the store is not what was written; it is forgotten, and the item may be tried again."""


@dataclass
class Clip:
    """Frames that are there, in the store, or made when they are asked for."""

    name: str
    content: str  # what later outputs are named by
    fps: float
    motion: dict[str, Any]
    load: Callable[[], Frames]

    @cached_property
    def frames(self) -> Frames:
        """The frames themselves."""
        return self.load()


def lacks_answers(notes: Mapping[str, object]) -> bool:
    """Tell whether a judge left something unanswered: it is not kept, so that it is asked again next time."""
    return any(isinstance(note, Mapping) and note.get("failures") for note in notes.values())


class Item:
    """One pair.

    Args:
        number: Row of the table.
        stills: The table.
        steps: What is done.
        store: What was done.
        seed: Of the run.
        lossless: How the pair is encoded.
    """

    def __init__(self, number: int, stills: Stills, steps: Steps, store: Store, seed: int, lossless: bool) -> None:
        self.number, self.stills, self.steps, self.store = number, stills, steps, store
        self.seed, self.lossless = seed, lossless
        self.doing = "read"  # for who asks where it failed
        self.seconds: dict[str, float] = {}
        self.known: list[str] = []
        self.outputs: dict[str, str] = {}  # names in the store, by step
        self._animation: Clip | None = None
        self._carried: Clip | None = None

    def reach(self, step: StepName) -> None:
        """Make the output of a step, and of those before it, as far as they are kept."""
        match step:
            case "describe":
                _ = self.description
            case "animate":
                self.animation()
            case "propagate":
                self.carried()
            case "assess":
                self.end()

    def end(self) -> Outcome:
        """Take it through all steps, and encode the pair if it is kept."""
        assessment = self.assessment()
        pair, shape = ("", (0, 0, 0)) if assessment.rejected else self._pair()
        facts = {
            "description": asdict(self.description),
            "notes": dict(assessment.notes),
            "seeds": self._seeds,
            "outputs": self.outputs,
        }
        return Outcome(
            number=self.number,
            key=self.key,
            state="rejected" if assessment.rejected else "kept",
            rejected=assessment.rejected,
            values=assessment.values,
            seconds=self.seconds,
            known=tuple(self.known),
            facts=facts,
            pair=pair,
            shape=shape,
            fps=self.animation().fps,
        )

    @cached_property
    def key(self) -> str:
        """Name of the row."""
        return self.stills.key(self.number)

    @cached_property
    def still(self) -> Still:
        """The pictures, decoded."""
        with self._at("read"):
            return self.stills[self.number]

    @cached_property
    def description(self) -> Description:
        """Step 1."""
        name = name_of("describe", self.steps.digests["describe"], self.still.digest, self._seeds["describe"])
        if (found := self._look("describe", name)) is not None:
            return Description(**{**found, "replies": tuple(found["replies"])})
        with self._at("describe"):
            made = self.steps.describe.describe(self.still, self._seeds["describe"])
        self._keep("describe", name, asdict(made))
        return made

    def animation(self) -> Clip:
        """Step 2."""
        if self._animation is None:
            inputs = self.still.digest, self._said, self._seeds["animate"]
            self._animation = self._clip("animate", inputs, self._animate)
        return self._animation

    def carried(self) -> Clip:
        """Step 3."""
        if self._carried is None:
            inputs = self.still.digest, self._said, self.animation().content, self._seeds["propagate"]
            self._carried = self._clip("propagate", inputs, self._propagate)
        return self._carried

    def assessment(self) -> Assessment:
        """Step 4."""
        contents = self.animation().content, self.carried().content
        step = self.steps.assess
        judges = step if isinstance(step, Rejudging) else None  # new bounds need no new measurement
        digest = self.steps.digests["assess"] if judges is None else judges.measured
        name = name_of("assess", digest, self.still.digest, self._said, *contents)
        if (found := self._look("assess", name)) is not None:
            values = {measure: np.nan if value is None else value for measure, value in found["values"].items()}
            rejected = tuple(found["rejected"]) if judges is None else judges.broken(values)
            return Assessment(values, rejected, found["notes"])
        source, target = self.animation().frames, self.carried().frames
        lifted = Lifted(self.still, self.description, source, target, self.animation().fps)
        with self._at("assess"):
            made = step.assess(lifted)
        if not lacks_answers(made.notes):
            values = {measure: None if np.isnan(value) else float(value) for measure, value in made.values.items()}
            self._keep("assess", name, {"values": values, "rejected": [*made.rejected], "notes": dict(made.notes)})
        return made

    def _pair(self) -> tuple[str, tuple[int, int, int]]:
        """Both clips, encoded."""
        contents = self.animation().content, self.carried().content
        name = name_of("pair", self.lossless, *contents)
        if (found := self._look("pair", name)) is not None:
            frames, height, width = found["shape"]
            return name, (frames, height, width)
        clips, fps = (self.animation().frames, self.carried().frames), self.animation().fps
        with self._at("write"):
            encoded = [encode_mp4(clip, fps, self.lossless) for clip in clips]
        frames, height, width = clips[0].shape[:3]
        files = dict(zip(PAIR, encoded, strict=True))
        self._keep("pair", name, {"shape": [frames, height, width]}, files, "write")
        return name, (frames, height, width)

    @cached_property
    def _said(self) -> str:
        return name_of(asdict(self.description))

    @cached_property
    def _seeds(self) -> dict[str, int]:
        drawing = ("describe", "animate", "propagate")
        return {step: fingerprint("synthesis", self.seed, self.key, step) for step in drawing}

    def _animate(self) -> Animation:
        made = self.steps.animate.animate(self.still, self.description, self._seeds["animate"])
        if made.frames.ndim != 4 or not len(made.frames):
            raise ItemError(f"the animation has the shape {made.frames.shape} (frames, height, width, 3)")
        return made

    def _propagate(self) -> Animation:
        before = self.animation()
        source = Animation(before.frames, before.fps, before.motion)
        frames = self.steps.propagate.propagate(self.still, self.description, source, self._seeds["propagate"])
        if frames.shape != source.frames.shape:
            shapes = f"the edited clip is {frames.shape}, the source {source.frames.shape}"
            raise ItemError(f"{shapes} (frames, height, width, 3)")
        return Animation(frames, before.fps)

    def _clip(self, step: StepName, inputs: tuple[object, ...], make: Callable[[], Animation]) -> Clip:
        """Look up the frames of a step; those that are not kept are made when somebody looks at them."""
        name = name_of(step, self.steps.digests[step], *inputs)
        if not self.steps.stores(step):
            if step == "animate":  # its motion and rate are needed
                made = self._made(step, make)
                return Clip(name, name, made.fps, dict(made.motion), lambda: made.frames)
            return Clip(name, name, self.animation().fps, {}, lambda: self._made(step, make).frames)
        if (found := self._look(step, name)) is not None:
            return Clip(name, found["content"], found["fps"], found["motion"], lambda: self._read(step, name))
        made = self._made(step, make)
        content = digest_of(made.frames.tobytes())
        facts = {"content": content, "fps": made.fps, "motion": dict(made.motion)}
        with self._at("write"):
            data = encode_mp4(made.frames, made.fps, lossless=True, preset="ultrafast")
        self._keep(step, name, facts, {FRAMES: data})
        return Clip(name, content, made.fps, dict(made.motion), lambda: made.frames)

    def _made(self, step: StepName, make: Callable[[], Animation]) -> Animation:
        if step == "propagate":
            _ = self.animation().frames  # in its own time
        with self._at(step):
            return make()

    def _read(self, step: StepName, name: str) -> Frames:
        with self._at("read"):
            data = self.store.read(step, name, FRAMES)
            if data is None:
                self.store.forget(step, name)
                raise DamagedError(name)
            return decode_mp4(data)

    def _look(self, step: str, name: str) -> dict[str, Any] | None:
        found = self.store.get(step, name) if self._keeps(step) else None
        if found is None:
            return None
        kept = found.pop("seconds", None)
        if kept is not None:
            self.seconds.setdefault("write" if step == "pair" else step, kept)
        self.known.append(step)
        self.outputs[step] = name
        return found

    def _keep(
        self,
        step: str,
        name: str,
        facts: dict[str, Any],
        files: dict[str, bytes] | None = None,
        clock: str | None = None,
    ) -> None:
        if self._keeps(step):
            self.outputs[step] = name
            self.store.put(step, name, facts | {"seconds": self.seconds.get(clock or step)}, files)

    def _keeps(self, step: str) -> bool:
        return step not in KINDS or self.steps.stores(step)

    @contextmanager
    def _at(self, what: str) -> Iterator[None]:
        """Note what is done, and how long it takes."""
        self.doing = what
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[what] = self.seconds.get(what, 0.0) + time.perf_counter() - started
