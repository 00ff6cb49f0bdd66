"""Other ways from the MLLM to the diffusion model, to compare with: by words, and without seeing."""

import torch
from jaxtyping import Float, Int

from veggie_pl.models.mllm import Mllm


class DiscreteMllm(Mllm):
    """Hands on the words the MLLM would say at the query positions instead of its hidden states.

    Each position is read by the language head, its likeliest token is taken, and that token's embedding goes on. No
    gradient passes a choice of words: the diffusion loss cannot teach the MLLM or the queries. So work systems that
    prompt a diffusion model with an LLM's text, such as VPLM.
    """

    def forward(
        self,
        source: Float[torch.Tensor, "b f 3 h w"],
        instruction: list[str],
        queries: Float[torch.Tensor, "b g q d"],
        frame_index: Int[torch.Tensor, "b f"],
        references: Float[torch.Tensor, "b r 3 h w"] | None = None,
    ) -> Float[torch.Tensor, "b g q d"]:
        """Embeddings of the likeliest tokens, without gradient."""
        with torch.no_grad():
            hidden = super().forward(source, instruction, queries, frame_index, references)
            tokens = self.model.get_output_embeddings()(hidden).argmax(-1)
            words: torch.Tensor = self.model.get_input_embeddings()(tokens)
        return words.to(queries.dtype)


class BlindMllm(Mllm):
    """Reads the instruction before empty frames: what a text encoder knows of a request, as in InsV2V."""

    def forward(
        self,
        source: Float[torch.Tensor, "b f 3 h w"],
        instruction: list[str],
        queries: Float[torch.Tensor, "b g q d"],
        frame_index: Int[torch.Tensor, "b f"],
        references: Float[torch.Tensor, "b r 3 h w"] | None = None,
    ) -> Float[torch.Tensor, "b g q d"]:
        """Hidden states of the queries, whatever the source shows."""
        return super().forward(torch.zeros_like(source), instruction, queries, frame_index, references)
