"""Stable Diffusion 1.5 or 2.1 and InstructPix2Pix from diffusers' folders, as methods without training see them."""

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from jaxtyping import Float, Num
from torch import Tensor, nn
from transformers import AutoTokenizer, CLIPTextModel

from veggie_pl.batch import Clips, per_skill
from veggie_pl.diffusion.guidance import Guidance
from veggie_pl.diffusion.process import process_of
from veggie_pl.diffusion.scheduler_folder import read_scheduler
from veggie_pl.errors import UseError, one_line
from veggie_pl.experts.frozen import Frozen
from veggie_pl.model import Condition
from veggie_pl.model_folder import PIPELINE_INDEX
from veggie_pl.models import KlCodec
from veggie_pl.models.checkpoints import read_part

Latents = Float[Tensor, "b f c h w"]
PIPELINES = ("StableDiffusionInstructPix2PixPipeline", "StableDiffusionPipeline")


class StableDiffusion(nn.Module):
    """Implements ``ImageModel`` over a pipeline folder: text states, the same for every frame, are the task tokens.

    A UNet of twice the codec's channels sees the source beside the noise, as the mode of the posterior, unscaled
    (InstructPix2Pix, arXiv:2211.09800, Sec. 3.2); its scales are 7.5 and 1.5. One of the codec's channels sees none:
    then the condition has the source in the scale of latents, for inversion, and only the task is guided.

    Args:
        folder: Of the pipeline, as diffusers saves it; nothing is fetched, and no pickle read.

    Raises:
        UseError: If it holds another pipeline, or parts are missing or do not fit each other.
    """

    num_steps: int | None = None
    seed = 0

    def __init__(self, folder: str) -> None:
        super().__init__()
        _check_kind(folder)
        self.folder = folder
        self.unet: Any = read_part(UNet2DConditionModel, Path(folder, "unet")).requires_grad_(False)
        self.vae = KlCodec(folder).requires_grad_(False).eval()
        known = {self.vae.channels: False, 2 * self.vae.channels: True}
        channels, width = self.unet.config.in_channels, self.unet.config.cross_attention_dim
        if channels not in known:
            raise UseError(
                f"{folder}: its UNet takes {channels} channels; the choices are {' and '.join(map(str, known))}"
            )
        self.sees_source = self.drops_source = known[channels]
        self.vae.scale_source = not self.sees_source
        encoder = Frozen(CLIPTextModel, str(Path(folder, "text_encoder")), "a text encoder", ["clip_text_model"], "cpu")
        self.text_encoder, self.tokenizer = encoder.model, _read_tokenizer(Path(folder, "tokenizer"))
        if (made := self.text_encoder.config.hidden_size) != width:
            raise UseError(f"{folder}: the UNet attends to states of width {width}, the text encoder makes {made}")
        self.process = process_of(read_scheduler(folder))
        self.guidance = per_skill({}, Guidance(7.5, 1.5 if self.sees_source else 1.0), "guidance")

    @torch.no_grad()
    def condition(self, source: Clips, words: list[str]) -> Condition:
        """Read the words, and the empty text that stands for none."""
        told, null = (self._read(text, source.shape[1]) for text in (words, [""] * len(words)))
        return Condition(self.vae.encode_source(source), told, null)

    def predict(self, noisy: Latents, source: Latents, timestep: Num[Tensor, " b"], tokens: Tensor) -> Latents:
        """Run the UNet once."""
        shown = torch.cat([noisy, source], 2) if self.sees_source else noisy  # (b, f, c or 2c, h, w)
        timesteps = timestep.repeat_interleave(noisy.shape[1])
        made = self.unet(shown.flatten(0, 1), timesteps, tokens.flatten(0, 1)).sample
        return made.unflatten(0, noisy.shape[:2])  # type: ignore[no-any-return]

    def check_guidance(self, scales: dict[str, Guidance]) -> dict[str, Guidance]:
        """Look whether the source is to be guided by where the model sees it.

        Raises:
            UseError: If it does not see it.
        """
        if not self.sees_source and (wrong := [name for name, one in scales.items() if one.source != 1]):
            raise UseError(f"{self.folder} sees no source: leave the source scale at 1, also for {wrong[0]}")
        return scales

    def _read(self, words: list[str], num_frames: int) -> Float[Tensor, "b f q d"]:
        length = self.tokenizer.model_max_length
        ids = self.tokenizer(words, padding="max_length", max_length=length, truncation=True, return_tensors="pt")
        states = self.text_encoder(ids.input_ids.to(self.text_encoder.device))[0]
        return states[:, None].expand(-1, num_frames, -1, -1)  # type: ignore[no-any-return]


def _check_kind(folder: str) -> None:
    index = Path(folder, PIPELINE_INDEX)
    try:
        kind = json.loads(index.read_text())["_class_name"]
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise UseError(f"{index} is no JSON of a pipeline: {one_line(problem)}") from problem
    if kind not in PIPELINES:
        raise UseError(f"{folder} holds a {kind}; the choices are {' and '.join(PIPELINES)}")


def _read_tokenizer(folder: Path) -> Any:
    try:
        return AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise UseError(f"{folder} holds no tokenizer: {one_line(problem)}") from problem
