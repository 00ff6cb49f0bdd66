"""Our own video model on clips that are longer than it takes: three ways to hold its windows together."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from veggie_pl.batch import Batch, Clips, Example
from veggie_pl.data.instructions.request import find_request
from veggie_pl.diffusion.correction import SHARE, corrected
from veggie_pl.diffusion.guidance import Guidance
from veggie_pl.diffusion.over_windows import denoise_over_windows
from veggie_pl.diffusion.sampler import Prediction, draw_noise
from veggie_pl.errors import UseError
from veggie_pl.inference.windows import windows
from veggie_pl.model import VeggieModel
from veggie_pl.model_folder import load_model
from veggie_pl.seeding import torch_rng

Joining = Literal["cut", "together", "corrected"]


class InWindows(nn.Module):
    """Implements ``Method`` over a model folder; a clip that fits into one window is edited as the model edits it.

    Args:
        folder: Model folder, such as weights/nano/model.
        joining: "cut" edits each window by itself, from the same noise, and a later window's frames count where two
            overlap; "together" samples all windows in one run, see ``denoise_over_windows``; "corrected" one after the
            other, each held to the finished frames that it shares with the one before, see ``corrected``.
        overlap: Frames that a window shares with the next, at least.
        share: "corrected": of the sampling steps, from the start, those that are corrected.
        num_steps: Sampling steps; None takes the model's own number.

    Raises:
        UseError: If the overlap is not below the window, there is none to correct by, or the codec compresses time:
            windows are cut from frames.
    """

    def __init__(
        self,
        folder: str,
        joining: Joining = "cut",
        overlap: int = 0,
        share: float = SHARE,
        num_steps: int | None = None,
    ) -> None:
        super().__init__()
        self.model: VeggieModel = load_model(Path(folder))
        self.model.requires_grad_(False).eval()
        self.length: int = self.model.queries.max_frames
        if not (joining == "corrected") <= overlap < self.length:
            least = 1 if joining == "corrected" else 0
            raise UseError(f"joining {joining} takes an overlap of {least} to {self.length - 1} frames, got {overlap}")
        if self.model.vae.latent_shape(self.length, *self.model.size)[0] != self.length:
            raise UseError(f"{folder} compresses time, and windows are joined frame by frame: edit its clips whole")
        self.joining, self.overlap, self.share = joining, overlap, share
        self.num_steps = self.model.num_steps if num_steps is None else num_steps
        self.name = f"{folder}, {joining} windows"

    def joins(self, num_frames: int) -> list[int]:
        """Give the first frames that come from a later window: where a seam may be seen."""
        places = windows(num_frames, self.length, self.overlap)
        kept = self.joining == "corrected"  # the earlier window's frames, where two overlap
        return [last.stop if kept else place.start for last, place in pairwise(places)]

    @torch.no_grad()
    def edit_batch(self, batch: Batch) -> Clips:
        """Edit held-out examples, each under its skill's guidance; a sample that cannot be read keeps its filling."""
        edited = batch.source.clone()
        for row in batch.good:
            edited[row] = self.edit(batch.examples[row], batch.source[row : row + 1])[0]
        return edited

    @torch.no_grad()
    def edit(self, example: Example, source: Clips) -> Clips:
        """Edit a clip (1, f, 3, h, w) in [-1, 1] of any number of frames."""
        instruction = example.instruction or ""
        guidance = find_request(instruction, self.model.guidance, example.skill, example.fill).guidance
        seeds = [(self.model.seed, "edit", example.key)]
        places = windows(source.shape[1], self.length, self.overlap)
        if self.joining == "together":
            return self.model.decode(self._together(source, places, instruction, guidance, seeds))
        latents: Tensor | None = None
        for place in places:
            own = self._window(source, place, instruction, guidance, seeds, latents)
            latents = own if latents is None else torch.cat([latents[:, : place.start], own], 1)
        assert latents is not None
        return self.model.decode(latents)

    def _together(
        self,
        source: Clips,
        places: list[range],
        instruction: str,
        guidance: Guidance,
        seeds: Sequence[tuple[int | str, ...]],
    ) -> Float[Tensor, "b lf c lh lw"]:
        """Sample the latents of all windows in one run, each frame from noise of its own."""
        whole = self.model.vae.latent_shape(*source.shape[1:2], *source.shape[3:])
        noise = draw_noise(whole, [torch_rng(*seed) for seed in seeds], source.device)
        predictions = (self._predict(source, place, instruction, guidance) for place in places)
        asked = (self.model.objective.process, self.num_steps, (len(places[0]), *whole[1:]))
        parts = denoise_over_windows(places, predictions, *asked, lambda frames: noise[:, frames.start : frames.stop])
        return torch.cat([latents for _, latents in parts], 1)

    def _window(
        self,
        source: Clips,
        place: range,
        instruction: str,
        guidance: Guidance,
        seeds: Sequence[tuple[int | str, ...]],
        finished: Float[Tensor, "b done c lh lw"] | None,
    ) -> Float[Tensor, "b lf c lh lw"]:
        """Sample the latents of one window, after those before it; finished frames stay as they are."""
        predict = self._predict(source, place, instruction, guidance)
        shape = (1, *self.model.vae.latent_shape(len(place), *source.shape[3:]))
        if finished is None or self.joining == "cut":
            return self.model.denoise(predict, shape, seeds, self.num_steps)
        known = finished[:, place.start :]
        process = self.model.objective.process
        timesteps = process.sampling(self.num_steps, shape[1:]).timesteps.tolist()
        held = corrected(predict, process.scheduler, known, timesteps, self.share)
        found = self.model.denoise(held, shape, seeds, self.num_steps)
        return torch.cat([known, found[:, known.shape[1] :]], 1)

    def _predict(self, source: Clips, place: range, instruction: str, guidance: Guidance) -> Prediction:
        condition = self.model.condition(source[:, place.start : place.stop], [instruction])
        return self.model.prediction(condition, guidance)


class InsV2V(InWindows):
    """InsV2V (arXiv:2311.00213) over a model of ours: Long Video Sampling Correction, with its four reference frames.

    Args:
        folder: Model folder; one of conf/baseline/insv2v has its scales too.
        overlap: Frames that a window shares with the one before.
        share: Of the sampling steps, from the start, those that are corrected.
        num_steps: Sampling steps; None takes the model's own number, the paper has 20.
    """

    def __init__(self, folder: str, overlap: int = 4, share: float = SHARE, num_steps: int | None = None) -> None:
        super().__init__(folder, "corrected", overlap, share, num_steps)
