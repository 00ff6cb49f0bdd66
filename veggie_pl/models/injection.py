"""Plug-and-play injection (arXiv:2211.12572): while structure forms, the source's features stand in for the others'."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from veggie_pl.errors import UseError

PUBLISHED_LAYERS = 3  # to each up block of Stable Diffusion and I2VGen-XL, by which papers count


@dataclass(frozen=True)
class Injection:
    r"""Which layers of a denoiser take over what they made of the source, and for how long.

    .. math:: q^l, k^l \leftarrow q^l_{src}, k^l_{src} \qquad f^l \leftarrow f^l_{src}

    The queries and keys of self-attention (its map; values stay) and the residual branch of a resnet. Defaults are the
    published numbers of AnyV2V (arXiv:2403.14468) for I2VGen-XL. Blocks are counted over the
    decoder, from 0 at the lowest resolution: three to each up block, so that block 4 is ``up_blocks[1].resnets[1]``.

    Args:
        spatial: Share of the steps, from the noisy end, in which spatial attention is copied; 0 copies nothing.
        temporal: The same of temporal attention.
        features: The same of resnets.
        attention_blocks: Numbers of blocks whose attention is copied.
        feature_blocks: Numbers of blocks whose resnet is copied.

    Raises:
        UseError: If a share is not from 0 to 1.
    """

    spatial: float = 0.2
    temporal: float = 0.5
    features: float = 0.2
    attention_blocks: tuple[int, ...] = (4, 5, 6, 7, 8, 9, 10, 11)
    feature_blocks: tuple[int, ...] = (4,)

    def __post_init__(self) -> None:
        for name in ("spatial", "temporal", "features"):
            if not 0 <= getattr(self, name) <= 1:
                raise UseError(f"{name} is a share of the steps, from 0 to 1, got {getattr(self, name)}")

    def fitted(self, unet: Any) -> "Injection":
        """Return the same for a decoder of other size: blocks are renumbered, and those left out that it lacks.

        Args:
            unet: With as many layers in every up block as it may have; the numbers of this are for three.
        """
        count = len(unet.up_blocks[0].resnets)

        def renumbered(numbers: tuple[int, ...], attentive: bool) -> tuple[int, ...]:
            places = ((number // PUBLISHED_LAYERS, number % PUBLISHED_LAYERS) for number in numbers)
            there = ((block, place) for block, place in places if block < len(unet.up_blocks) and place < count)
            return tuple(
                block * count + place
                for block, place in there
                if not attentive or hasattr(unet.up_blocks[block], "attentions")
            )

        attention, features = renumbered(self.attention_blocks, True), renumbered(self.feature_blocks, False)
        return replace(self, attention_blocks=attention, feature_blocks=features)

    def layers(self, unet: Any) -> list[tuple[float, nn.Module]]:
        """Return each layer whose output is copied, and its share of the steps.

        Args:
            unet: An ``I2VGenXLUNet`` or a ``UNet2DConditionModel``.

        Raises:
            UseError: If a block is not there, or has no attention.
        """
        blocks = [(block, place) for block in unet.up_blocks for place in range(len(block.resnets))]
        attentive = [number for number, (block, _) in enumerate(blocks) if hasattr(block, "attentions")]
        for name, numbers in (("attention_blocks", attentive), ("feature_blocks", [*range(len(blocks))])):
            if wrong := sorted({*getattr(self, name)} - {*numbers}):
                raise UseError(f"{name} {wrong} are not in this model; its own are {numbers}")
        found: list[tuple[float, nn.Module]] = []
        for block, place in (blocks[number] for number in self.attention_blocks):
            temporal = getattr(block, "temp_attentions", None)  # an image model has none
            parts = [(self.spatial, block.attentions[place])]
            parts += [] if temporal is None else [(self.temporal, temporal[place])]
            for share, part in parts:
                for inner in part.transformer_blocks:
                    found += [(share, inner.attn1.to_q), (share, inner.attn1.to_k)]
        for block, place in (blocks[number] for number in self.feature_blocks):
            found.append((self.features, block.resnets[place].conv2))  # before the skip connection is added
        return found

    @contextmanager
    def at(self, unet: Any, step: int, steps: int, rows: int) -> Iterator[None]:
        """Copy what is due at a step, from the first row of a batch to the others.

        Args:
            unet: The denoiser; outside of the context nothing is copied.
            step: Number of the step, from 0 at the noisy end.
            steps: How many there are.
            rows: Videos in a batch, the source first.
        """
        due = [layer for share, layer in self.layers(unet) if step < share * steps]
        hooks = [layer.register_forward_hook(_first_of(rows)) for layer in due]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()


def _first_of(rows: int) -> Callable[[nn.Module, object, Tensor], Tensor]:
    # Frames or pixels of a video lie together on the first axis, so that a video is one of ``rows`` equal pieces of it.
    def copied(layer: nn.Module, given: object, made: Tensor) -> Tensor:
        return torch.cat([made[: len(made) // rows]] * rows)

    return copied
