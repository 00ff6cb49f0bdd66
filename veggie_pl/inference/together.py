"""Windows of one clip that are sampled together, so that they agree."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Num, UInt8
from torch import Tensor

from veggie_pl.batch import Clip
from veggie_pl.diffusion.guidance import Guidance
from veggie_pl.diffusion.keep import cells_of, keep_outside
from veggie_pl.diffusion.over_windows import denoise_over_windows
from veggie_pl.diffusion.sampler import Constrain, Latents, Prediction
from veggie_pl.host import draw_normal
from veggie_pl.inference.long_clips import Window
from veggie_pl.masks.soften import mix_region
from veggie_pl.model import Told, VeggieModel
from veggie_pl.seeding import torch_rng
from veggie_pl.training.precision import autocast
from veggie_pl.video.clip import resize, to_clip

ReadFrames = Callable[[int, int], UInt8[np.ndarray, "f h w 3"]]
Pictures = Float[Tensor, "r 3 ref_h ref_w"]


@dataclass(frozen=True)
class Asked:
    """What is asked of a clip.

    Args:
        instruction: What to do.
        references: Pictures that it speaks of.
        guidance: Of the edit.
        seed: Of its noise.
        num_steps: Of sampling.
        on_step: Called after every step of every window with the number of steps done in it.
        purpose: Of what is asked; another one, another noise.
    """

    instruction: str
    references: Pictures | None
    guidance: Guidance
    seed: int
    num_steps: int
    on_step: Callable[[int], None] | None = None
    purpose: Literal["edit", "where"] = "edit"


@dataclass(frozen=True)
class Anchors:
    """Task tokens of frames spread over a clip.

    Args:
        at: Numbers of the frames that the MLLM has read, ascending from the first of the clip to its last.
        told: What ``VeggieModel.task_tokens`` gives of them.
    """

    at: Sequence[int]
    told: Told

    def of(self, frames: range) -> Told:
        """Give those of any frames, by linear interpolation in time."""
        tokens, null = (_between(one, self.at, frames) for one in self.told)
        return tokens, null


def frame_noise(frames: range, shape: Sequence[int], seed: int, device: torch.device, purpose: str = "edit") -> Latents:
    """Draw standard normal noise, each frame's a function of seed and frame number: of no window, and of no neighbour.

    Args:
        frames: Numbers in the clip.
        shape: Of a frame's latents (c, h, w).
        seed: Of the edit.
        device: Where it is wanted.
        purpose: See ``Asked``.
    """
    return draw_normal((len(frames), *shape), [torch_rng(purpose, seed, number) for number in frames], device)[None]


def read_anchors(module: VeggieModel, num_frames: int, count: int, read: ReadFrames, asked: Asked) -> Anchors:
    """Let the MLLM read a request over frames of a whole clip, as it reads a clip that has no more than these.

    Args:
        module: Of which the MLLM is asked.
        num_frames: Of the clip.
        count: How many frames are read, at least 2.
        read: Gives frames of the source by number.
        asked: The request.
    """
    at = np.linspace(0, num_frames - 1, count).round().astype(int).tolist()
    clip = torch.cat([resize(to_clip(read(number, number + 1)), *module.size) for number in at])
    with autocast(module.device):
        return Anchors(at, module.task_tokens(_batch(clip, module), [asked.instruction], _pictures(asked, module)))


def edit_together(
    module: VeggieModel,
    places: Sequence[range],
    windows: Iterable[Window],
    asked: Asked,
    anchors: Anchors | None = None,
) -> Iterator[tuple[Window, Clip]]:
    """Edit the windows of one clip together; see ``denoise_over_windows``.

    Args:
        module: Its codec has a latent for each frame.
        places: Frames of all windows.
        windows: What is edited, one after another: no more are taken than are needed to go on.
        asked: The request.
        anchors: Task tokens; without them the MLLM reads each window.

    Yields:
        Frames that no later window changes, as they were and edited.
    """
    device = module.device
    shape = module.vae.latent_shape(len(places[0]), *module.size)
    held: dict[int, Window] = {}  # by its first frame; what becomes final with a window are frames of its own

    def predictions() -> Iterator[Prediction]:
        for window in windows:
            held[window.frames.start] = window
            told = None if anchors is None else anchors.of(window.frames)
            with autocast(device):
                source, pictures = _batch(window.clip, module), _pictures(asked, module)
                condition = module.condition(source, [asked.instruction], pictures, told)
            yield _with_precision(module.prediction(condition, asked.guidance), device)

    def noise_of(frames: range) -> Latents:
        return frame_noise(frames, shape[1:], asked.seed, device, asked.purpose)

    def constrain_of(frames: range) -> Constrain | None:
        window = held[frames.start].first(len(frames))
        if window.region is None:
            return None
        known = module.vae.encode_target(_batch(window.clip, module), [torch_rng("known", asked.seed, frames.start)])
        cells = cells_of(window.region[None].to(device), (len(frames), *shape[2:]))
        return keep_outside(module.objective.process, known, noise_of(frames), cells)

    for frames, latents in denoise_over_windows(
        places,
        predictions(),
        module.objective.process,
        asked.num_steps,
        shape,
        noise_of,
        lambda frames: [torch_rng(asked.purpose, asked.seed, "steps", frames.start)],
        constrain_of,
        asked.on_step,
    ):
        with autocast(device):
            edited = module.decode(latents)[0].float().cpu()
        source = held.pop(frames.start).first(len(frames))
        yield source, edited if source.region is None else mix_region(edited, source.clip, source.region)


def _with_precision(predict: Prediction, device: torch.device) -> Prediction:
    """Set it for each call alone: around a loop that gives out frames it would hold for whoever takes them."""

    def call(noisy: Latents, timestep: Num[Tensor, " b"]) -> Latents:
        with autocast(device):
            return predict(noisy, timestep)

    return call


def _batch(clip: Clip, module: VeggieModel) -> Float[Tensor, "1 f 3 h w"]:
    return clip[None].to(module.device)


def _pictures(asked: Asked, module: VeggieModel) -> Float[Tensor, "1 r 3 ref_h ref_w"] | None:
    return None if asked.references is None else asked.references[None].to(module.device)


def _between(tokens: Float[Tensor, "1 a q d"], at: Sequence[int], frames: range) -> Float[Tensor, "1 f q d"]:
    known, wanted = torch.tensor(at, dtype=torch.float64), torch.tensor(frames, dtype=torch.float64)
    after = torch.searchsorted(known, wanted).clamp(1, len(at) - 1)
    share = (wanted - known[after - 1]) / (known[after] - known[after - 1])
    return torch.lerp(tokens[:, after - 1], tokens[:, after], share.to(tokens)[None, :, None, None])
