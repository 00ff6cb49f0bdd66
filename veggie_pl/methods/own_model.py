"""Our own image model, stage 1 of training, as methods without training see it."""

from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Num
from torch import Tensor, nn

from veggie_pl.batch import Clips
from veggie_pl.diffusion.guidance import Guidance, check_guidance
from veggie_pl.diffusion.process import Process
from veggie_pl.errors import UseError
from veggie_pl.model import Condition, VeggieModel
from veggie_pl.model_folder import load_model
from veggie_pl.models import VidDM

Latents = Float[Tensor, "b f c h w"]


class OwnImageModel(nn.Module):
    """Implements ``ImageModel`` over a model folder whose diffusion model is a ``VidDM`` without temporal layers.

    Args:
        folder: Model folder.

    Raises:
        UseError: If it holds a video model, or one without a UNet.
    """

    sees_source = True

    def __init__(self, folder: str) -> None:
        super().__init__()
        self.folder = folder
        self.model: VeggieModel = load_model(Path(folder))
        self.model.requires_grad_(False)
        viddm: Any = self.model.viddm
        if not isinstance(viddm, VidDM):
            raise UseError(f"{folder} has a {type(viddm).__name__}; methods without training change a UNet's attention")
        if viddm.is_video:
            raise UseError(
                f"{folder} is a video model; methods without training make videos with an image model: name the folder "
                "of its stage 1, such as weights/nano/stage1 beside weights/nano/model"
            )
        self.unet: Any = viddm.unet
        self.vae: Any = self.model.vae
        self.process: Process = self.model.objective.process
        self.guidance: dict[str, Guidance] = self.model.guidance
        self.num_steps: int | None = self.model.num_steps
        self.seed: int = self.model.seed
        self.drops_source = self.model.objective.drop_rates["drop_source"] > 0

    @torch.no_grad()
    def condition(self, source: Clips, words: list[str]) -> Condition:
        """Have the MLLM fill the queries of every frame; a longer clip than they cover it sees in pieces."""
        pieces = torch.split(source, self.model.queries.max_frames, 1)
        tokens, null = zip(*(self.model.task_tokens(piece, words) for piece in pieces), strict=True)
        return self.model.condition(source, words, told=(torch.cat(tokens, 1), torch.cat(null, 1)))

    def predict(self, noisy: Latents, source: Latents, timestep: Num[Tensor, " b"], tokens: Tensor) -> Latents:
        """Run the diffusion model once."""
        return self.model.predict(noisy, source, timestep, tokens)

    def check_guidance(self, scales: dict[str, Guidance]) -> dict[str, Guidance]:
        """Look whether the model was trained on what guidance would show it.

        Raises:
            UseError: If a condition was never dropped.
        """
        return check_guidance(scales, self.model.objective)
