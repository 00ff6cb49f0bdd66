"""Descriptions by an MLLM that runs here."""

from functools import cached_property
from typing import Literal

import torch

from veggie_pl.errors import UseError, one_line
from veggie_pl.experts.frozen import digest_of_folder, find_device
from veggie_pl.experts.judge.frames import check_asking
from veggie_pl.experts.judge.generate import MAX_PROMPT, generate
from veggie_pl.models.mllm import Mllm
from veggie_pl.synthesis.describe.asking import VERSION, pictures, question, read
from veggie_pl.synthesis.protocols import Description, ItemError, Still


class LocalDescriber:
    """Implements ``Describer`` by a transformers image-text-to-text model that sees both pictures.

    Args:
        folder: A transformers folder of a family in ``models.vision``, such as Qwen3-VL.
        side: Longer side of a picture, in pixels, at most.
        temperature: Of sampling; 0 takes the likeliest token, whatever the seed.
        max_tokens: Of a reply.
        device: "auto" is a GPU where there is one.
        dtype: Of the weights.

    Raises:
        UseError: If the folder holds no such model, or not all of it, or a number cannot be.
    """

    def __init__(
        self,
        folder: str,
        side: int = 512,
        temperature: float = 0.0,
        max_tokens: int = 256,
        device: str = "auto",
        dtype: Literal["float32", "bfloat16"] = "bfloat16",
    ) -> None:
        check_asking(1, 1, side)
        if max_tokens < 1 or temperature < 0:
            raise UseError(
                "a describer's max_tokens has to be at least 1 and its temperature at least 0, "
                f"got {max_tokens} and {temperature}"
            )
        self.folder, self.device = folder, find_device(device)
        self.mllm = Mllm(folder, dtype=dtype, max_text_tokens=MAX_PROMPT).eval().requires_grad_(False).to(self.device)
        self.side, self.temperature, self.max_tokens, self.dtype = side, temperature, max_tokens, dtype

    @cached_property
    def digest(self) -> str:
        """Class, prompt, settings and folder content."""
        names = ("side", "temperature", "max_tokens", "dtype")
        settings = {name: getattr(self, name) for name in names}
        return digest_of_folder(self, self.folder, self.mllm.model, prompt=VERSION, **settings)

    def describe(self, still: Still, seed: int) -> Description:
        """Describe a pair of pictures.

        Raises:
            ItemError: If the model's reply cannot be read, it cannot be asked, or memory does not suffice.
        """
        text = question(still)
        try:
            reply = generate(self.mllm, pictures(still, self.side), text, self.max_tokens, self.temperature, seed)
        except (UseError, torch.OutOfMemoryError) as problem:  # an instruction with tokens of the prompt's own
            raise ItemError(f"not asked: {one_line(problem)}") from problem
        if reply.failure:
            raise ItemError(f"{reply.failure}; it said {reply.text[:600]!r}")
        return read(reply.text)
