"""Checkpoints that are there whole or not at all, whenever the process or the machine stops."""

from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO

from veggie_pl.files import whole_file


class WholeFiles(TorchCheckpointIO):
    """Write beside the place, make sure that it is on the disk, then rename.

    Lightning's own writer collects the file in the folder for temporary files and moves it from there: where that is
    another disk, moving is copying, and a run that is killed meanwhile leaves half a ``last.ckpt`` in place of a whole
    one. It also holds the file in memory first; this one does not.
    """

    def __init__(self) -> None:
        self._swept: set[Path] = set()

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Write a checkpoint; at an address that is no local path, as Lightning does.

        Raises:
            OSError: If it cannot be written, as on a full disk; what was there before stays.
        """
        if "://" in str(path) or storage_options is not None:
            super().save_checkpoint(checkpoint, path, storage_options)
            return
        place = Path(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        self._sweep(place.parent)
        with whole_file(place) as partial, partial.open("wb") as file:
            torch.save(checkpoint, file)

    def _sweep(self, folder: Path) -> None:
        """Remove what runs that were killed have left half-written."""
        if folder not in self._swept:
            self._swept.add(folder)
            for left in folder.glob(".*.ckpt.partial"):
                left.unlink(missing_ok=True)
