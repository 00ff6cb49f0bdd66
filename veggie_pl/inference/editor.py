"""A trained model at work on files: any length, any size, in memory for one window."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from veggie_pl.batch import Clip, Mask
from veggie_pl.data.instructions.request import find_request
from veggie_pl.diffusion.guidance import Guidance, check_guidance
from veggie_pl.errors import UseError
from veggie_pl.inference.edit_files import EditFiles, output_name
from veggie_pl.inference.windows import at_source_size, cross_fade, windows
from veggie_pl.keeping import Keep, edit_keeping
from veggie_pl.masks.unpaint import unpaint
from veggie_pl.model import VeggieModel, tell_image_model
from veggie_pl.training.precision import autocast
from veggie_pl.video.clip import IMAGE_FPS, ClipFile, read_clip, resize, to_clip, to_frames
from veggie_pl.video.drawing import comparison, write_png
from veggie_pl.video.sound import Sound
from veggie_pl.video.writer import ClipWriter

__all__ = ["IMAGE_FPS", "EditFiles", "Editor", "output_name"]

OVERLAP = 2  # frames that a window shares with the next, at least
SHOWN = 4  # frames on the side-by-side picture
Pictures = Float[Tensor, "r 3 ref_h ref_w"]
ReadFrames = Callable[[int, int], UInt8[np.ndarray, "f h w 3"]]
Progress = Callable[[float], None]  # share of the work done, in [0, 1]


class Editor:
    """Edits files with one model under one set of options.

    Args:
        module: A trained model.
        guidance_task: How hard to follow the instruction; None takes the model's own scale.
        guidance_source: How close to stay to the source; None takes the model's own scale.
        num_steps: Sampling steps; None takes the model's own number.
        seed: Seeds the starting noise, the same in every window so that windows agree.
        on_step: Called after every sampling step of every window with the number of steps done in it.
        keep: "background" asks the model first where the edit belongs, and leaves alone what lies elsewhere.

    Raises:
        UseError: If guidance is asked for that the model was not trained for.
    """

    def __init__(
        self,
        module: VeggieModel,
        guidance_task: float | None = None,
        guidance_source: float | None = None,
        num_steps: int | None = None,
        seed: int = 0,
        on_step: Callable[[int], None] | None = None,
        keep: Keep = "nothing",
    ) -> None:
        given = (1.0 if scale is None else scale for scale in (guidance_task, guidance_source))
        check_guidance({"an edit": Guidance(*given)}, module.objective)
        self.module = module.eval()
        self.guidance_task, self.guidance_source = guidance_task, guidance_source
        self.num_steps = module.num_steps if num_steps is None else num_steps
        self.seed, self.on_step, self.keep = seed, on_step, keep

    def edit_file(
        self,
        files: EditFiles,
        instruction: str,
        progress: Progress = lambda share: None,
        file: ClipFile | None = None,
    ) -> None:
        """Write the output in the source's size, with its frames at their own times; nothing is left half-written.

        The source's sound is copied into a video.

        Args:
            files: What to read and write.
            instruction: What to do.
            progress: Called with the share of the work done.
            file: The source, where it is open already.

        Raises:
            UseError: If the instruction is empty, too long or, for a mask, does not name one fill.
            ClipError: If a file cannot be read or written.
        """
        files.check()
        self.module.mllm.prompt.text_ids(instruction)
        fill = find_request(instruction, self.module.guidance).fill if files.mask else None
        file = file or ClipFile(files.source)
        references = None
        if files.reference is not None:
            references = resize(read_clip(files.reference, 1), *self.module.size)
        files.check_fits(file.info)
        timing = file.timing
        shown = np.linspace(0, file.info.num_frames - 1, min(SHOWN, file.info.num_frames)).round().astype(int).tolist()
        kept: dict[str, list[Clip]] = {"source": [], "edit": [], "mask": []}
        with ExitStack() as stack:
            sound = stack.enter_context(Sound(files.source, timing.origin))
            output = stack.enter_context(ClipWriter(files.output, timing, sound))
            mask_output = stack.enter_context(ClipWriter(files.mask, timing)) if files.mask else None
            for number, source, seen, small in self._edited_frames(
                file.info.num_frames, file.frames, instruction, references
            ):
                edited = at_source_size(small, seen, source)
                output.write(to_frames(edited))
                pictures = {"source": source, "edit": edited}
                if fill is not None and mask_output is not None:
                    mask = _read_mask(small, seen, fill, source.shape[-2:])
                    pictures["mask"] = mask[:, None].expand(-1, 3, -1, -1).float() * 2 - 1
                    mask_output.write(to_frames(pictures["mask"]))
                for name, picture in pictures.items() if number in shown else ():
                    kept[name].append(picture)
                progress((number + 1) / file.info.num_frames)
        write_png(
            comparison({name: torch.cat(clips) for name, clips in kept.items() if clips}, instruction, SHOWN),
            files.comparison,
        )

    def edit_frames(
        self, frames: UInt8[np.ndarray, "f h w 3"], instruction: str, references: Pictures | None = None
    ) -> Clip:
        """Edit frames in memory, any number and size: what ``edit_file`` writes before it is encoded, in [-1, 1]."""

        def read(start: int, stop: int) -> UInt8[np.ndarray, "f h w 3"]:
            return frames[start:stop]

        edited = self._edited_frames(len(frames), read, instruction, references)
        return torch.cat([at_source_size(small, seen, source) for _, source, seen, small in edited])

    def edit_clip(self, clip: Clip, instruction: str, references: Pictures | None = None) -> Clip:
        """Edit one window at the model's size.

        Args:
            clip: At most as many frames as the model takes, references counted.
            instruction: What to do.
            references: Pictures that the instruction speaks of.
        """
        request = find_request(instruction, self.module.guidance)
        own = request.guidance
        guidance = Guidance(
            own.task if self.guidance_task is None else self.guidance_task,
            own.source if self.guidance_source is None else self.guidance_source,
        )
        device = self.module.device
        pictures = None if references is None else references[None].to(device)
        seeds = [("edit", self.seed)]
        shown = clip[None].to(device)
        with autocast(device):
            if self.keep == "nothing":
                edited = self.module.edit(shown, [instruction], guidance, seeds, self.num_steps, pictures, self.on_step)
            else:
                how: dict[str, Any] = {
                    "num_steps": self.num_steps,
                    "references": pictures,
                    "on_step": self.on_step,
                }
                edited = edit_keeping(self.module, request.skill, shown, [instruction], guidance, seeds, **how)
        return edited[0].float().cpu()

    def _edited_frames(
        self, num_frames: int, read: ReadFrames, instruction: str, references: Pictures | None
    ) -> Iterator[tuple[int, Clip, Clip, Clip]]:
        """Give each frame once: number, source at full size, source as the model sees it, edit at the model's size."""
        most = self.module.queries.max_frames
        length = self.module.vae.frames_taken(most - (0 if references is None else len(references)))
        if length < 1:
            raise UseError(f"the model takes {most} pictures, references leave none")
        tell_image_model(self.module, num_frames)
        places = windows(num_frames, length, min(OVERLAP, length - 1))
        waiting: dict[int, UInt8[np.ndarray, "1 h w 3"]] = {}  # as bytes: full-size frames may be large
        seen: dict[int, Float[Tensor, "1 3 small_h small_w"]] = {}

        def edited() -> Iterator[tuple[range, Clip]]:
            for place in places:
                unread = range(max(waiting, default=place.start - 1) + 1, place.stop)
                for number, frame in zip(unread, read(unread.start, unread.stop)[:, None], strict=True):
                    waiting[number], seen[number] = frame, resize(to_clip(frame), *self.module.size)
                yield place, self.edit_clip(torch.cat([seen[number] for number in place]), instruction, references)

        for place, small in cross_fade(edited()):
            for number, frame in zip(place, small, strict=True):
                yield number, to_clip(waiting.pop(number)), seen.pop(number), frame[None]


def _read_mask(
    small: Float[Tensor, "f 3 small_h small_w"],
    seen: Float[Tensor, "f 3 small_h small_w"],
    fill: str,
    size: Sequence[int],
) -> Mask:
    """Read the fill at the model's size, as the metrics do, and enlarge the answer to the source's."""
    mask = unpaint(small, seen, fill)
    return resize(mask[:, None].float(), *size)[:, 0] >= 0.5
