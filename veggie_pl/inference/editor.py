"""A trained model at work on files: any length, any size, in memory for one window."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from veggie_pl.batch import Clip
from veggie_pl.data.instructions.request import find_request
from veggie_pl.diffusion.guidance import Guidance, check_guidance
from veggie_pl.errors import UseError
from veggie_pl.inference.edit_files import EditFiles, output_name
from veggie_pl.inference.edited_frame import EditedFrame, join_edits
from veggie_pl.inference.image_model import tell_image_model
from veggie_pl.inference.keep_together import edit_together_keeping
from veggie_pl.inference.long_clips import LongClips, Window
from veggie_pl.inference.region import Region, RegionFile
from veggie_pl.inference.together import Anchors, Asked, Pictures, ReadFrames, edit_together, read_anchors
from veggie_pl.inference.windows import cross_fade
from veggie_pl.keeping import Keep, edit_keeping
from veggie_pl.masks.unpaint import read_objects
from veggie_pl.model import VeggieModel
from veggie_pl.training.precision import autocast
from veggie_pl.video.clip import IMAGE_FPS, ClipFile, read_clip, resize, to_clip, to_frames
from veggie_pl.video.drawing import comparison, write_png
from veggie_pl.video.matte import Matte, drawn, matte_writer
from veggie_pl.video.sound import Sound
from veggie_pl.video.writer import ClipWriter

__all__ = ["IMAGE_FPS", "EditFiles", "Editor", "output_name"]

SHOWN = 4  # frames on the side-by-side picture
ReadRegion = Callable[[int, int], Region]
Progress = Callable[[float], None]  # share of the work done, in [0, 1]


class Editor:
    """Edits files with one model under one set of options.

    Args:
        module: A trained model.
        guidance_task: How hard to follow the instruction; None takes the model's own scale.
        guidance_source: How close to stay to the source; None takes the model's own scale.
        num_steps: Sampling steps; None takes the model's own number.
        seed: Seeds the starting noise.
        on_step: Called after every sampling step of every window with the number of steps done in it.
        keep: "background" asks the model first where the edit belongs, and leaves alone what lies elsewhere.
        long: How clips of more frames than the model takes are edited.

    Raises:
        UseError: If guidance is asked for that the model was not trained for, or windows that it does not take.
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
        long: LongClips | None = None,
    ) -> None:
        given = (1.0 if scale is None else scale for scale in (guidance_task, guidance_source))
        check_guidance({"an edit": Guidance(*given)}, module.objective)
        self.module = module.eval()
        self.guidance_task, self.guidance_source = guidance_task, guidance_source
        self.num_steps = module.num_steps if num_steps is None else num_steps
        self.seed, self.on_step, self.keep = seed, on_step, keep
        self.long = (long or LongClips()).fit(module)

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
        request = find_request(instruction, self.module.guidance)
        fills = [one.fill for one in request.painted] if files.masks else []
        file = file or ClipFile(files.source)
        references = None
        if files.reference is not None:
            references = resize(read_clip(files.reference, 1), *self.module.size)
        files.check_fits(file.info)
        region = RegionFile(files.region, file.info) if files.region else None
        if region is not None:
            region.check()
        timing = file.timing
        shown = np.linspace(0, file.info.num_frames - 1, min(SHOWN, file.info.num_frames)).round().astype(int).tolist()
        kept: dict[str, list[Clip]] = {"source": [], "edit": [], "mask": []}
        with ExitStack() as stack:
            sound = stack.enter_context(Sound(files.source, timing.origin))
            output = stack.enter_context(ClipWriter(files.output, timing, sound))
            mask_outputs = [stack.enter_context(matte_writer(path, fills, timing)) for path in files.masks]
            for frame in self._painted_frames(file.info.num_frames, file.frames, instruction, references, region):
                edited = frame.edited
                output.write(to_frames(edited))
                pictures = {"source": frame.source, "edit": edited}
                if mask_outputs:
                    matte = _read_matte(frame, fills)
                    for mask_output in mask_outputs:
                        mask_output.write(matte)
                    pictures["mask"] = to_clip(drawn(matte.masks, fills)[None])
                for name, picture in pictures.items() if frame.number in shown else ():
                    kept[name].append(picture)
                progress((frame.number + 1) / file.info.num_frames)
        write_png(
            comparison({name: torch.cat(clips) for name, clips in kept.items() if clips}, instruction, SHOWN),
            files.comparison,
        )

    def edit_frames(
        self,
        frames: UInt8[np.ndarray, "f h w 3"],
        instruction: str,
        references: Pictures | None = None,
        region: Region | None = None,
    ) -> Clip:
        """Edit frames in memory, any number and size: what ``edit_file`` writes before it is encoded, in [-1, 1]."""

        def read(start: int, stop: int) -> UInt8[np.ndarray, "f h w 3"]:
            return frames[start:stop]

        def may_change(start: int, stop: int) -> Region:
            assert region is not None
            return region[start:stop]

        regions = None if region is None else may_change
        edited = self._painted_frames(len(frames), read, instruction, references, regions)
        return torch.cat([frame.edited for frame in edited])

    def edit_clip(
        self, clip: Clip, instruction: str, references: Pictures | None = None, region: Region | None = None
    ) -> Clip:
        """Edit one window at the model's size.

        Args:
            clip: At most as many frames as the model takes, references counted.
            instruction: What to do.
            references: Pictures that the instruction speaks of.
            region: How much of each pixel may change, at the model's size; it takes the place of the model's own mask.
        """
        guidance, device = self._guidance(instruction), self.module.device
        pictures = None if references is None else references[None].to(device)
        seeds = [("edit", self.seed)]
        how: dict[str, Any]
        shown = clip[None].to(device)
        with autocast(device):
            if region is not None:
                touched = (region > 0).float()[None].to(device)
                how = {"references": pictures, "on_step": self.on_step, "region": touched}
                edited = self.module.edit(shown, [instruction], guidance, seeds, self.num_steps, **how)
            elif self.keep == "nothing":
                edited = self.module.edit(shown, [instruction], guidance, seeds, self.num_steps, pictures, self.on_step)
            else:
                skill = find_request(instruction, self.module.guidance).skill
                how = {"num_steps": self.num_steps, "references": pictures, "on_step": self.on_step}
                edited = edit_keeping(self.module, skill, shown, [instruction], guidance, seeds, **how)
        return edited[0].float().cpu()

    def _painted_frames(
        self,
        num_frames: int,
        read: ReadFrames,
        instruction: str,
        references: Pictures | None,
        region: ReadRegion | None = None,
    ) -> Iterator[EditedFrame]:
        """Give each frame once; of a request for several objects each is asked for alone, and all are painted."""
        request = find_request(instruction, self.module.guidance)
        asked = [one.instruction for one in request.objects] or [instruction]
        passes = [self._edited_frames(num_frames, read, words, references, region) for words in asked]
        for frames in zip(*passes, strict=True):
            yield frames[0]._replace(small=join_edits([frame.small for frame in frames], frames[0].seen))

    def _edited_frames(
        self,
        num_frames: int,
        read: ReadFrames,
        instruction: str,
        references: Pictures | None,
        region: ReadRegion | None = None,
    ) -> Iterator[EditedFrame]:
        """Give each frame once, edited in windows."""
        most = self.module.queries.max_frames - (0 if references is None else len(references))
        if self.module.vae.frames_taken(most) < 1:
            raise UseError(f"the model takes {self.module.queries.max_frames} pictures, references leave none")
        tell_image_model(self.module, num_frames)
        places = self.long.windows(num_frames, most, self.module.vae)
        waiting: dict[int, UInt8[np.ndarray, "1 h w 3"]] = {}  # as bytes: full-size frames may be large
        seen: dict[int, Float[Tensor, "1 3 small_h small_w"]] = {}
        regions: dict[int, Region | None] = {}

        def shown() -> Iterator[Window]:
            for place in places:
                unread = range(max(waiting, default=place.start - 1) + 1, place.stop)
                may_change = region(unread.start, unread.stop) if region else [None] * len(unread)
                for number, frame, share in zip(unread, read(unread.start, unread.stop), may_change, strict=True):
                    waiting[number], seen[number] = frame[None], resize(to_clip(frame[None]), *self.module.size)
                    regions[number] = None if share is None else share[None]
                shares = [one for number in place if (one := regions[number]) is not None]
                small = resize(torch.cat(shares)[:, None], *self.module.size)[:, 0] if shares else None
                touched = None if small is None else (small > 0).float()
                yield Window(place, torch.cat([seen[number] for number in place]), touched)

        found = self.keep != "nothing" and region is None
        for place, small in self._edited_windows(places, shown(), read, instruction, references, found):
            for number, frame in zip(place, small, strict=True):
                source = to_clip(waiting.pop(number))
                yield EditedFrame(number, source, seen.pop(number), frame[None], regions.pop(number))

    def _edited_windows(
        self,
        places: Sequence[range],
        windows: Iterable[Window],
        read: ReadFrames,
        instruction: str,
        references: Pictures | None,
        finds_region: bool,
    ) -> Iterator[tuple[range, Clip]]:
        """Edit windows and join them; frames come as soon as no later window changes them."""
        if len(places) == 1 or self.long.how == "independent":
            alone = (self.edit_clip(one.clip, instruction, references, one.region) for one in windows)
            yield from cross_fade(zip(places, alone, strict=True))
            return
        asked = Asked(instruction, references, self._guidance(instruction), self.seed, self.num_steps, self.on_step)

        def read_tokens(request: Asked) -> Anchors | None:
            if self.long.how != "anchored":
                return None
            return read_anchors(self.module, places[-1].stop, max(2, len(places[0])), read, request)

        if finds_region:
            skill = find_request(instruction, self.module.guidance).skill
            edits = edit_together_keeping(self.module, skill, places, windows, asked, read_tokens)
        else:
            edits = edit_together(self.module, places, windows, asked, read_tokens(asked))
        for source, edited in edits:
            yield source.frames, edited

    def _guidance(self, instruction: str) -> Guidance:
        own = find_request(instruction, self.module.guidance).guidance
        return Guidance(
            own.task if self.guidance_task is None else self.guidance_task,
            own.source if self.guidance_source is None else self.guidance_source,
        )


def _read_matte(frame: EditedFrame, fills: Sequence[str]) -> Matte:
    """Read the fills at the model's size, as the metrics do, and enlarge the answer to the source's."""
    read = read_objects(frame.small, frame.seen, fills)
    shares = resize(read.mask.float(), *frame.source.shape[-2:])[:, 0]  # (k, h, w)
    masks = (shares >= 0.5) & (shares.argmax(0) == torch.arange(len(fills))[:, None, None])
    return Matte(masks.numpy(), read.confidence[:, 0].float().numpy(), to_frames(frame.source)[0])
