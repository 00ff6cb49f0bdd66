"""A last layer that also says how much of the source to erase."""

import copy
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

PACE = 8  # the layer learns as many times as fast as what it stands beside, which otherwise does its work by cancelling


class ErasingOutput(nn.Conv2d):
    """The last layer of a UNet, and a second one like it beside it.

    The first keeps its weights and their names, so that those of a UNet without the second load into it. The second
    starts at zero, where nothing is erased.

    Args:
        plain: The last layer.
    """

    def __init__(self, plain: nn.Conv2d) -> None:
        kernel, padding = cast("tuple[int, int]", plain.kernel_size), cast("tuple[int, int]", plain.padding)
        super().__init__(plain.in_channels, plain.out_channels, kernel, padding=padding)
        self.load_state_dict(plain.state_dict())
        self.erase = copy.deepcopy(plain)
        for parameter in self.erase.parameters():
            nn.init.zeros_(parameter)

    def forward(self, features: Float[Tensor, "n d h w"]) -> Float[Tensor, "n two_c h w"]:
        """Return the prediction, then the logits of erasing, on channels."""
        return torch.cat([super().forward(features), PACE * self.erase(features)], 1)


def is_erasing(name: str) -> bool:
    """Tell whether a parameter, by its name in the UNet, is of the layer that was added."""
    return "conv_out.erase." in name
