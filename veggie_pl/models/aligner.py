"""From the MLLM's space to the diffusion model's: the single-layer MLP of the paper."""

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from jaxtyping import Bool, Float
from torch import Tensor, nn


class Aligner(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """One linear layer, and the null task tokens that stand for "no instruction".

    Args:
        width_in: Hidden width of the MLLM (3584 for LLaVA-OneVision-7B).
        width_out: Cross-attention width of the diffusion model (768 for SD1.5).
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(self, width_in: int = 3584, width_out: int = 768) -> None:
        super().__init__()
        self.linear = nn.Linear(width_in, width_out)
        # Starts at zero: at first "no instruction" adds nothing to cross-attention. Ours, see DEVIATIONS.md.
        self.null = nn.Parameter(torch.zeros(width_out))

    def forward(
        self, hidden: Float[Tensor, "b g q d_in"], dropped: Bool[Tensor, " b"] | None = None
    ) -> Float[Tensor, "b g q d_out"]:
        """Align hidden states; samples marked in ``dropped`` get the null task tokens instead."""
        tokens: Tensor = self.linear(hidden)
        if dropped is None:
            return tokens
        return torch.where(dropped[:, None, None, None], self.null.to(tokens.dtype), tokens)
