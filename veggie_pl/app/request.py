"""What is asked of the page, and the file by which ``edit`` does it again."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jsonargparse import Namespace

from veggie_pl.commands.judging import judge_options
from veggie_pl.commands.options import edit_options
from veggie_pl.errors import UseError
from veggie_pl.inference.editor import Editor
from veggie_pl.inference.long_clips import LongClips
from veggie_pl.model import VeggieModel

MAX_LETTERS = 1000  # of an instruction
MATTES = {  # kinds of masks -> name of what `edit --mask` writes
    "mp4": "mask.mp4",
    "mov": "mask.mov",
    "webm": "mask.webm",
    "json": "mask.json",
    "png": "mask",  # a folder; the page packs it
}


@dataclass(frozen=True)
class EditRequest:
    """An edit as people ask for it; the options are those of ``edit``.

    Args:
        instruction: What to do.
        steps: Sampling steps; None takes the model's own number.
        seed: Another seed, another edit.
        guidance_task: How hard to follow the instruction; None takes the model's own scale.
        guidance_source: How close to stay to the source; None takes the model's own scale.
        keep: "nothing", or "background": leave alone what the model does not find the request to be about.
        long: What makes the windows of a long clip agree, see ``LongClips``; None leaves it to the model.
        window: Frames of a window; None is as many as the model takes.
        overlap: Frames that a window shares with the next; None is 1, or what fits.
        matte: Kind of the mask, one of ``MATTES``.

    Raises:
        UseError: If ``edit`` would not take them.
    """

    instruction: str
    steps: int | None = None
    seed: int = 0
    guidance_task: float | None = None
    guidance_source: float | None = None
    keep: str = "nothing"
    long: str | None = None
    window: int | None = None
    overlap: int | None = None
    matte: str = "mp4"

    def __post_init__(self) -> None:
        if self.matte not in MATTES:
            raise UseError(f"the mask must be one of {', '.join(MATTES)}, got {self.matte!r}")
        if len(self.instruction) > MAX_LETTERS:
            raise UseError(f"the instruction has {len(self.instruction)} letters; the limit is {MAX_LETTERS}")
        judge_options(self.options())

    def options(self, **files: Any) -> Namespace:
        """Return the options of ``edit`` that say the same.

        Args:
            files: ``output``, ``mask`` and others that are no part of the request.
        """
        given = {"source": "source.mp4", "output": "edit.mp4", **self._asked(), **files}
        options: Namespace = edit_options().parse_object(given)
        return options

    def editor(self, module: VeggieModel, **how: Any) -> Editor:
        """Make what does it."""
        how |= {"guidance_task": self.guidance_task, "guidance_source": self.guidance_source}
        how["long"] = LongClips(self.long, self.window, self.overlap)  # type: ignore[arg-type]
        return Editor(module, num_steps=self.steps, seed=self.seed, keep=self.keep, **how)  # type: ignore[arg-type]

    def write_recipe(self, place: Path, source: Path, region: Path | None, mask: bool, model: str) -> None:
        """Write what ``edit --config`` reads. Source and region go by their first 12 digits of SHA-256.

        Args:
            place: The .json.
            source: What was edited.
            region: Where it might be.
            mask: Whether a mask was written.
            model: Folder of the model.
        """
        files = {
            "source": _by_content(source),
            "output": "edit.mp4",
            "mask": MATTES[self.matte] if mask else None,
            "region": _by_content(region) if region else None,
        }
        options = {**files, "model": model, **self._asked()}
        place.write_text(json.dumps(options, indent=1) + "\n", encoding="utf-8")

    def _asked(self) -> dict[str, Any]:
        """Give all but the kind of mask, which is told by its name."""
        return {name: value for name, value in asdict(self).items() if name != "matte"}


def _by_content(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12] + path.suffix
