"""How much each latent cell counts in the loss: what an edit changes is a small part of most clips."""

import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor


def change_weights(
    change: Bool[Tensor, "b f h w"], shape: tuple[int, int, int], weight: float
) -> Float[Tensor, "b lf 1 lh lw"]:
    """Weigh the cells that an edit changes against those that it leaves, by the share of their pixels that it changes.

    The weights of a sample have the mean 1: a sample counts no more than it did, and one that changes everywhere, or
    nowhere, is not touched.

    Args:
        change: The pixels in which source and target differ.
        shape: Frames, height and width of the latents. A codec that compresses time has fewer frames: a pixel then
            counts as changed in all of them if it changes in one.
        weight: Of a cell all of whose pixels change, where one that stays has 1.
    """
    share = change.float()
    if share.shape[1] != shape[0]:
        share = share.amax(1, keepdim=True).expand(-1, shape[0], -1, -1)
    weights = 1 + (weight - 1) * F.adaptive_avg_pool2d(share, shape[1:])
    return (weights / weights.mean((1, 2, 3), keepdim=True))[:, :, None]
