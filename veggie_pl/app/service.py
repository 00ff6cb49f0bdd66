"""One model that edits one clip after the other, whoever asks."""

import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock

import numpy as np

from veggie_pl.app.limits import Limits, nameless, open_clip
from veggie_pl.app.request import MATTES, EditRequest
from veggie_pl.data.instructions.request import Request, find_request
from veggie_pl.errors import UseError
from veggie_pl.inference.edit_files import EditFiles
from veggie_pl.model import VeggieModel
from veggie_pl.progress import spoken
from veggie_pl.video.clip import ClipError, ClipFile
from veggie_pl.video.writer import ClipWriter

log = logging.getLogger(__name__)
Progress = Callable[[float, str], None]  # share of the work done, and what is at work


class Stopped(Exception):
    """Who asked for an edit does not want it any more."""


@dataclass(frozen=True)
class Edited:
    """Files of one edit."""

    source: Path  # .mp4, as browsers play it
    edit: Path  # .mp4
    mask: Path | None  # .mp4
    matte: Path | None  # the mask as it was asked for: the same, .mov, .webm, .json or .zip
    recipe: Path  # .json


class EditService:
    """Edits with one model, one clip at a time; threads wait for each other.

    Args:
        module: A trained model, where it is to work.
        limits: Of clips.
    """

    def __init__(self, module: VeggieModel, limits: Limits) -> None:
        self.module, self.limits = module, limits
        self._at_work = Lock()
        self.seconds_per_frame = 0.0  # of the last edit

    def warm_up(self) -> None:
        """Edit one window of nothing: the first one takes longer, and then the pace is known."""
        frames = np.zeros((self.module.queries.max_frames, *self.module.size, 3), np.uint8)
        for _ in range(2):
            started = time.perf_counter()
            EditRequest("remove it").editor(self.module).edit_frames(frames, "remove it")
            self.seconds_per_frame = (time.perf_counter() - started) / len(frames)

    def understand(self, instruction: str) -> Request:
        """Tell what an instruction is taken for."""
        return find_request(instruction, self.module.guidance)

    def describe(self, source: Path) -> str:
        """Tell what a clip is, and how long its edit will take.

        Raises:
            ClipError: If it cannot be edited.
        """
        info = open_clip(source, self.limits).info
        length = f", {info.num_frames / info.fps:.1f} s at {info.fps:.3g} frames a second" if info.fps else ""
        frames = f"{info.num_frames} frame{'s' if info.num_frames > 1 else ''}"
        left = spoken(max(1, info.num_frames * self.seconds_per_frame))
        return f"{frames} of {info.width} x {info.height} pixels{length}; an edit takes about {left} (h:mm:ss)"

    def edit(
        self,
        source: Path,
        folder: Path,
        request: EditRequest,
        progress: Progress,
        stop: Event,
        region: Path | None = None,
    ) -> Edited:
        """Edit a clip when it is its turn.

        Args:
            source: The clip.
            folder: Where to write; what is in it after an error is of no use.
            request: What to do.
            progress: Called when something is done.
            stop: May be set by another thread; the edit ends after the step that it is in.
            region: White where pixels may change, see ``RegionFile``.

        Raises:
            Stopped: If ``stop`` is set.
            ClipError: If the clip cannot be edited at all.
            UseError: If this edit of it cannot be made; the message does not tell where the clip lies.
        """
        understood = self.understand(request.instruction)
        paints = len(understood.fills) == 1 or understood.objects
        mask = folder / "mask.mp4" if paints else None
        matte = folder / MATTES[request.matte] if mask else None
        more = (matte,) if matte and matte != mask else ()
        files = EditFiles(source, folder / "edit.mp4", mask, region=region, more_masks=more)
        shown = folder / "source.mp4"

        def look(*_: object) -> None:
            if stop.is_set():
                raise Stopped

        def tell(share: float) -> None:
            look()
            progress(share, f"edited {share:.0%}")

        file = open_clip(source, self.limits)
        if region is not None:
            _open_region(region, self.limits)
        with self._at_work:
            look()
            progress(0, "at work")
            started = time.perf_counter()
            try:
                request.editor(self.module, on_step=look).edit_file(files, request.instruction, tell, file)
                _copy(file, shown, look)
            except UseError as error:
                raise UseError(nameless(error, source, region)) from error
            seconds = time.perf_counter() - started
            self.seconds_per_frame = seconds / file.info.num_frames
        recipe = folder / "edit.json"
        request.write_recipe(recipe, source, region, mask is not None, self.module.name)
        files.comparison.unlink()
        if matte is not None and matte.is_dir():
            matte = Path(shutil.make_archive(str(matte), "zip", matte))
            shutil.rmtree(matte.with_suffix(""))
        log.info("edited %d frames in %.1f s: %r", file.info.num_frames, seconds, request.instruction)
        return Edited(shown, files.output, mask, matte, recipe)


def _open_region(region: Path, limits: Limits) -> None:
    try:
        open_clip(region, limits)
    except ClipError as error:  # which would be the clip's
        raise UseError(f"the region cannot be read: {str(error).replace('the clip', 'it')}") from error


def _copy(file: ClipFile, place: Path, look: Callable[[], None]) -> None:
    """Write a clip as browsers play it, each frame at its own time."""
    with ClipWriter(place, file.timing) as writer:
        for number in range(file.info.num_frames):
            look()
            writer.write(file.frames(number, number + 1))
