"""The vision tower of a multimodal LLM as a judge of likeness: what there is where no CLIP or DINO is."""

from functools import cached_property

import torch
import torch.nn.functional as F

from veggie_pl.batch import Clip
from veggie_pl.experts.frozen import chunks
from veggie_pl.experts.protocols import Vectors
from veggie_pl.models import Mllm
from veggie_pl.tensor_digest import digest_of


class VisionTower:
    """Implements ``FrameFeatures`` by the mean of the tokens that an MLLM reads of a frame.

    A stand-in, and named as one: the tower was trained for answers, and not for likeness as CLIP's and DINO's. The nano
    MLLM's sees what Moving Shapes are made of, so that measures of consistency can be asked for there at all.

    Args:
        folder: Of the MLLM, see ``Mllm``.
        chunk: Frames that go through the tower together.
    """

    def __init__(self, folder: str, chunk: int = 64) -> None:
        self.folder, self.chunk = folder, chunk
        self.mllm = Mllm(folder).requires_grad_(False).eval()

    @cached_property
    def digest(self) -> str:
        """Class, and the weights of the tower."""
        seeing = {name: value for name, value in self.mllm.model.state_dict().items() if "language_model" not in name}
        return f"{type(self).__name__} {digest_of(seeing).hex()}"

    @torch.no_grad()
    def embed_frames(self, frames: Clip) -> Vectors:
        """Return one vector of unit length per frame, float32, on the CPU."""
        base, vision = self.mllm.model.base_model, self.mllm.vision
        see = base.get_video_features if vision.part == "video" else base.get_image_features
        found = []
        for part in chunks(frames, self.chunk):
            tokens = see(**vision.inputs(part[:, None], base.dtype), return_dict=True).pooler_output
            found += [one.reshape(-1, one.shape[-1]).mean(0) for one in tokens]  # a frame each
        return F.normalize(torch.stack(found).float(), dim=-1)
