"""Edits of a test as files, which ``score`` and people can look at."""

from pathlib import Path
from typing import Any, Literal

from lightning import LightningModule, Trainer

from veggie_pl.batch import Batch, Clip
from veggie_pl.callbacks.held_out import HeldOut
from veggie_pl.errors import UseError
from veggie_pl.files import whole_folder
from veggie_pl.outputs import OutputError, check_folder
from veggie_pl.video.writer import write_clip


class WriteEdits(HeldOut):
    """Write every edit of a test under the key of its example.

    Args:
        folder: A new or empty folder; None writes nothing.
        kind: "mp4", or "png": a folder of pictures, one a frame, without what H.264 costs.
    """

    def __init__(self, folder: str | None = None, kind: Literal["mp4", "png"] = "mp4") -> None:
        self.folder, self.kind = None if folder is None else Path(folder), kind

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Judge the folder before anything is edited.

        Raises:
            OutputError: If it holds something already, or cannot be written to.
        """
        if self.folder is None or stage != "test":
            return
        check_folder(self.folder)
        if self.folder.is_dir() and any(self.folder.iterdir()):
            raise OutputError(f"--edits.folder {self.folder} is not empty; name another")

    def begin(self) -> None:
        """Keep nothing from one round to the next."""

    def see(self, trainer: Trainer, split: str, outputs: Any, batch: Batch) -> None:
        """Write the edits of a batch."""
        if self.folder is None or split != "test":
            return
        for key, edited in zip(batch.key, outputs["edited"], strict=True):
            self._write(self._place(self.folder, key), edited.float().clamp(-1, 1).cpu())

    def _place(self, folder: Path, key: str) -> Path:
        place = folder / key
        if not place.resolve().is_relative_to(folder.resolve()):
            raise UseError(f"the edit of {key!r} would lie outside of {folder}")
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def _write(self, place: Path, clip: Clip) -> None:
        if self.kind == "mp4":
            return write_clip(place.with_name(f"{place.name}.mp4"), clip)
        with whole_folder(place) as building:
            for number, frame in enumerate(clip):
                write_clip(building / f"{number:05d}.png", frame[None])
