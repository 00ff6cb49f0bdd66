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
from veggie_pl.model import VeggieModel

MAX_LETTERS = 1000  # of an instruction


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

    Raises:
        UseError: If ``edit`` would not take them.
    """

    instruction: str
    steps: int | None = None
    seed: int = 0
    guidance_task: float | None = None
    guidance_source: float | None = None
    keep: str = "nothing"

    def __post_init__(self) -> None:
        if len(self.instruction) > MAX_LETTERS:
            raise UseError(f"the instruction has {len(self.instruction)} letters; the limit is {MAX_LETTERS}")
        judge_options(self.options())

    def options(self, **files: Any) -> Namespace:
        """Return the options of ``edit`` that say the same.

        Args:
            files: ``output``, ``mask`` and others that are no part of the request.
        """
        given = {"source": "source.mp4", "output": "edit.mp4", **asdict(self), **files}
        options: Namespace = edit_options().parse_object(given)
        return options

    def editor(self, module: VeggieModel, **how: Any) -> Editor:
        """Make what does it."""
        how |= {"guidance_task": self.guidance_task, "guidance_source": self.guidance_source}
        return Editor(module, num_steps=self.steps, seed=self.seed, keep=self.keep, **how)  # type: ignore[arg-type]

    def write_recipe(self, place: Path, source: Path, mask: bool, model: str) -> None:
        """Write what ``edit --config`` reads. The source goes by its first 12 digits of SHA-256.

        Args:
            place: The .json.
            source: What was edited.
            mask: Whether a mask was written.
            model: Folder of the model.
        """
        digest = hashlib.sha256(source.read_bytes()).hexdigest()[:12]
        files = {"source": f"{digest}{source.suffix}", "output": "edit.mp4", "mask": "mask.mp4" if mask else None}
        options = {**files, "model": model, **asdict(self)}
        place.write_text(json.dumps(options, indent=1) + "\n", encoding="utf-8")
