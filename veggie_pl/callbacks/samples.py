"""Pictures and clips of what the model makes, in TensorBoard and as files."""

from pathlib import Path
from typing import Any

import torch
from lightning import LightningModule, Trainer
from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[import-untyped]

from veggie_pl.batch import Batch, Skill
from veggie_pl.callbacks.held_out import HeldOut
from veggie_pl.callbacks.writers import run_folder, tensorboard_writers
from veggie_pl.video.clip import to_uint8
from veggie_pl.video.drawing import Picture, caption, comparison, gif, stack, tile, write_png


class Samples(HeldOut):
    """Keep the first examples of each skill: source | edit | target, where there is one, under the instruction.

    Args:
        per_skill: Examples of each skill.
        output: Folder that gets ``samples.png`` after test; None is the run's own.
    """

    def __init__(self, per_skill: int = 2, output: str | None = None) -> None:
        self.per_skill, self.output = per_skill, output
        self._cells: dict[Skill, list[Picture]] = {}

    def begin(self) -> None:
        """Forget the last round."""
        self._cells = {}

    def see(self, trainer: Trainer, split: str, outputs: Any, batch: Batch) -> None:
        """Keep what is missing."""
        cells = self._cells.setdefault(batch.skill[0], [])
        for row in range(min(self.per_skill - len(cells), len(batch))):
            edited = outputs["edited"][row].float()
            clips = {"source": batch.source[row], "edit": edited}
            clips |= {} if batch.target is None else {"target": batch.target[row]}
            clips = {name: clip.cpu() for name, clip in clips.items()}
            number = len(cells)
            cells.append(comparison(clips, f"[{batch.skill[row]}] {batch.instruction[row]}", height=64))
            if len(edited) > 1 and trainer.is_global_zero:
                tag = f"{split}/clips/{batch.skill[row]}/{number}"
                self._add_clip(trainer, tag, list(clips.values()), batch.instruction[row])

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the sheet into TensorBoard."""
        self._draw(trainer, "val")

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the sheet into TensorBoard and as a file."""
        if (sheet := self._draw(trainer, "test")) is not None:
            folder = Path(self.output) if self.output else run_folder(trainer)
            write_png(sheet, folder / "samples.png")

    def _draw(self, trainer: Trainer, split: str) -> Picture | None:
        cells = [cell for skill in Skill for cell in self._cells.get(skill, [])]
        if not cells or not trainer.is_global_zero:
            return None
        sheet = tile(cells, columns=4)
        for writer in tensorboard_writers(trainer):
            writer.add_image(f"{split}/samples", sheet, trainer.global_step, dataformats="HWC")
        return sheet

    def _add_clip(self, trainer: Trainer, tag: str, clips: list[torch.Tensor], instruction: str) -> None:
        joined = to_uint8(torch.cat(clips, -1)).permute(0, 2, 3, 1).numpy()  # side by side
        large = [film.repeat(3, 0).repeat(3, 1) for film in joined]
        said = caption(instruction, large[0].shape[1])
        frames = [stack([said, film], gap=0) for film in large]
        height, width = frames[0].shape[:2]
        image = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=gif(frames))
        for writer in tensorboard_writers(trainer):
            summary = Summary(value=[Summary.Value(tag=tag, image=image)])
            writer._get_file_writer().add_summary(  # type: ignore[no-untyped-call]
                summary, trainer.global_step
            )
