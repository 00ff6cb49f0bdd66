"""DINO and DINOv2: what a frame looks like, learnt without text."""

from functools import cached_property
from typing import Any

import torch
from transformers import AutoModel

from veggie_pl.batch import Clip
from veggie_pl.errors import UseError
from veggie_pl.experts.frozen import Frozen, chunks, pictures, unit
from veggie_pl.experts.protocols import Vectors

# Model types, and what their forward needs for frames that are not of the size they were trained on.
_OPTIONS: dict[str, dict[str, Any]] = {
    "vit": {"interpolate_pos_encoding": True},
    "dinov2": {},
    "dinov2_with_registers": {},
}
_HEADS = r"pooler\.|classifier\.|mask_token$"  # parts that the class token does not pass through


class DinoExpert:
    """Implements ``FrameFeatures`` by the class token of DINO (arXiv:2104.14294) or DINOv2 (arXiv:2304.07193).

    Frames are scaled until their shorter side is ``size``, keeping their shape and all that is in them, as VBench's
    subject consistency does; positions are interpolated. DINO's ViT-B/16 (type vit) is what VBench uses.

    Args:
        folder: A transformers folder of type vit, dinov2 or dinov2_with_registers.
        device: "auto" is a GPU where there is one.
        chunk: Frames that go through the model together.
        size: Shorter side of what the model sees, in pixels.

    Raises:
        UseError: If the folder holds no such model, or not all of it, or the size is below one patch.
    """

    def __init__(self, folder: str, device: str = "auto", chunk: int = 16, size: int = 224) -> None:
        self.chunk, self.size = chunk, size
        self.frozen = Frozen(AutoModel, folder, "a model of image features", _OPTIONS, device, optional=_HEADS)
        self.processor = self.frozen.image_processor()
        patch = self.frozen.model.config.patch_size
        if size < (patch := patch if isinstance(patch, int) else max(patch)):
            raise UseError(f"the model in {folder} reads patches of {patch} pixels: size has to be larger, got {size}")

    @cached_property
    def digest(self) -> str:
        """Class, folder content and settings."""
        return self.frozen.digest(self, size=self.size)

    @torch.no_grad()
    def embed_frames(self, frames: Clip) -> Vectors:
        """Return one vector of unit length per frame, float32, on the CPU."""
        found = []
        for part in chunks(frames, self.chunk):
            inputs = self.processor(
                images=pictures(part),
                do_resize=True,
                size={"shortest_edge": self.size},
                do_center_crop=False,
                return_tensors="pt",
            )
            pixels = inputs["pixel_values"].to(self.frozen.device)
            states = self.frozen.model(pixel_values=pixels, **_OPTIONS[self.frozen.kind]).last_hidden_state
            found.append(unit(states[:, 0]))
        return torch.cat(found)
