"""Other ways from the MLLM to the diffusion model, to compare with: by words, and without seeing."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from veggie_pl.models.mllm import Mllm


class DiscreteMllm(Mllm):
    """Hands on the words the MLLM would say at the query positions instead of its hidden states.

    Each position is read by the language head, its likeliest token is taken, and that token's embedding goes on. No
    gradient passes a choice of words: the diffusion loss cannot teach the MLLM or the queries. So work systems that
    prompt a diffusion model with an LLM's text, such as VPLM.
    """

    @torch.no_grad()
    def forward(self, *args: Any, **kwargs: Any) -> Float[Tensor, "b g q d"]:
        """Embeddings of the likeliest tokens, without gradient; arguments as of ``Mllm``."""
        hidden = super().forward(*args, **kwargs)
        tokens = self.model.get_output_embeddings()(hidden).argmax(-1)
        words: Tensor = self.model.get_input_embeddings()(tokens)
        return words.to(hidden.dtype)


class BlindMllm(Mllm):
    """Reads the instruction before empty frames: what a text encoder knows of a request, as in InsV2V."""

    def vision_inputs(self, source: Float[Tensor, "b f 3 h w"]) -> dict[str, Tensor]:
        """Gray frames, whatever the source shows."""
        return super().vision_inputs(torch.zeros_like(source))
