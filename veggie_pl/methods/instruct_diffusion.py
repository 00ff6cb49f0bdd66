"""InstructDiffusion (arXiv:2309.03895): another form of guidance over two conditions, frame by frame."""

import torch
from jaxtyping import Num
from torch import Tensor

from veggie_pl.diffusion.guidance import Guidance
from veggie_pl.diffusion.sampler import Latents, Prediction
from veggie_pl.errors import UseError
from veggie_pl.methods.training_free import TrainingFree
from veggie_pl.model import Condition


def symmetric_guidance(
    eps_video: Latents, eps_task: Latents, eps_full: Latents, video_scale: float, task_scale: float
) -> Latents:
    r"""Combine three predictions into one, from the middle of those that lack one condition.

    .. math:: \tilde e = \tfrac12 (e_V + e_T) + g_T (e_{V,T} - e_V) + g_V (e_{V,T} - e_T)

    InstructDiffusion (arXiv:2309.03895) as its code samples (``edit_cli.py``). Eq. 3 of InstructPix2Pix starts from
    the prediction without either condition and never asks for the task without the source.

    Args:
        eps_video: Prediction with the source video only.
        eps_task: Prediction with the task only.
        eps_full: Prediction with both.
        video_scale: :math:`g_V`.
        task_scale: :math:`g_T`.
    """
    return 0.5 * (eps_video + eps_task) + task_scale * (eps_full - eps_video) + video_scale * (eps_full - eps_task)


class InstructDiffusion(TrainingFree):
    """InstructDiffusion's sampling over any image model: 100 steps, scales 5.0 and 1.25.

    Args:
        folder: Of the image model.
        sampling: How it samples.

    Raises:
        UseError: See ``TrainingFree``; also if the model never saw an instruction without a source.
    """

    paper_guidance = Guidance(5.0, 1.25)

    def check_guidance(self, scales: dict[str, Guidance]) -> dict[str, Guidance]:
        """Look whether the model knows instructions without a source.

        Raises:
            UseError: If it does not.
        """
        if not self.model.drops_source:
            raise UseError(
                f"InstructDiffusion asks for the task without the source, but {self.model.folder} was trained with "
                "drop_source: 0 and never saw that"
            )
        return scales

    def prediction(self, condition: Condition, guidance: Guidance) -> Prediction:
        """Give the guided prediction: three branches in one pass of the UNet."""
        source, tokens, null = condition.source, condition.tokens, condition.null
        sources = torch.cat([source, source, torch.zeros_like(source)])
        told = torch.cat([tokens, null, tokens])

        def predict(noisy: Latents, timestep: Num[Tensor, " b"]) -> Latents:
            predicted = self.model.predict(noisy.repeat(3, 1, 1, 1, 1), sources, timestep.repeat(3), told).float()
            full, video, task = predicted.chunk(3)
            return symmetric_guidance(video, task, full, guidance.source, guidance.task)

        return predict
