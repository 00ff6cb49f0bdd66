"""How frames become what an MLLM's forward takes, and what stands around them in its prompt: one class a kind of input.

Frames enter one after the other as still images (but for LLaVA-OneVision, whose video path is per frame as well), so
that an image is a clip of one frame and every frame has tokens of its own. All is done on tensors, on the device;
transformers' image processors work on PIL images, and its video processors need torchvision.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from veggie_pl.errors import UseError

_FILTERS = {0: "nearest", 1: "bicubic", 2: "bilinear", 3: "bicubic"}  # PIL's numbers; torch has no Lanczos (1)


def interpolated(
    frames: Float[Tensor, "... c h w"], size: tuple[int, int], mode: str
) -> Float[Tensor, "... c height width"]:
    """Resize as PIL does, up to its rounding."""
    return F.interpolate(frames, size, mode=mode, antialias=mode != "nearest")


def by_products(
    frames: Float[Tensor, "... c h w"], size: tuple[int, int], mode: str
) -> Float[Tensor, "... c height width"]:
    """Do the same by two matrix products, one a side: many times as fast on a GPU, whose own kernel is slow."""
    with torch.autocast(frames.device.type, enabled=False):
        rows, columns = (
            _weights(side, new, mode, frames.device) for side, new in zip(frames.shape[-2:], size, strict=True)
        )
        return rows @ frames @ columns.T


@lru_cache
def _weights(side: int, new: int, mode: str, device: torch.device) -> Float[Tensor, "new side"]:
    """What each new pixel takes of each old one, along one side."""
    return interpolated(torch.eye(side, device=device)[None, None], (new, side), mode)[0, 0]


class Vision(nn.Module):
    """Frames as fixed-size images (b*f, 3, h, w): LLaVA, InternVL without tiles.

    Mean, standard deviation and filter are those of the family's image processor. Frames of another size are resized to
    the tower's square, whatever their shape; PIL rounds to 8 bits there and we do not.

    Args:
        base: The model without its language head, which is asked how many tokens a frame makes.
        image_processor: The family's own, from the checkpoint's preprocessor_config.json.
    """

    part = "image"  # as the chat template calls it
    only_embeds = True  # features replace embeddings of placeholders, and enter nowhere else
    counted_positions = True  # rotary positions that just count up, so that others may be given in their place

    def __init__(self, base: Any, image_processor: Any) -> None:
        super().__init__()
        self.processor = image_processor
        mean, std = (torch.tensor(getattr(image_processor, name)) for name in ("image_mean", "image_std"))
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", mean[:, None, None], persistent=False)
        self.register_buffer("std", std[:, None, None], persistent=False)
        self.filter = _FILTERS[int(image_processor.resample)]
        self.measure(base)

    def measure(self, base: Any) -> None:
        """Find out what the tower takes, and how many tokens it makes of a frame and of a clip as a whole."""
        size = base.config.vision_config.image_size  # InternVL gives height and width
        self.side = int(size if isinstance(size, int) else size[0])
        one, two = (self._count(base, num_frames) for num_frames in (1, 2))
        self.per_frame, self.extra_tokens = two - one, 2 * one - two

    def tokens_per_frame(self, height: int, width: int) -> int:
        """Tokens of a frame of that size in pixels."""
        return self.per_frame

    def inputs(self, source: Float[Tensor, "b f 3 h w"], dtype: torch.dtype) -> dict[str, Tensor]:
        """Frames in [-1, 1] as the model's forward takes them: resized, normalised, under the name it knows."""
        frames = source.flatten(0, 1).float()
        size = self.target_size(*frames.shape[-2:])
        if frames.shape[-2:] != size:
            resize = by_products if frames.is_cuda else interpolated  # equal but for rounding
            frames = resize(frames, size, self.filter).clamp(-1, 1)
        frames = ((frames + 1) / 2 - self.mean) / self.std
        return self.pack(frames.to(dtype), source.shape[0])

    def target_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width to resize to."""
        return self.side, self.side

    def pack(self, frames: Float[Tensor, "n 3 h w"], batch: int) -> dict[str, Tensor]:
        """Name and shape that the forward expects."""
        return {"pixel_values": frames}

    def positions(
        self, base: Any, ids: Int[Tensor, "b n"], mask: Int[Tensor, "b n"], inputs: dict[str, Tensor]
    ) -> Int[Tensor, "3 b n"] | None:
        """Rotary positions of the whole sequence, where the model derives them from more than a count; else None."""
        return None

    @torch.no_grad()
    def _count(self, base: Any, num_frames: int) -> int:
        blank = self.inputs(torch.zeros(1, num_frames, 3, self.side, self.side), base.dtype)
        see = base.get_video_features if self.part == "video" else base.get_image_features
        device = next(base.parameters()).device  # the meta device, where only shapes are wanted
        with device:
            seen = see(**{name: tensor.to(device) for name, tensor in blank.items()}, return_dict=True)
        return sum(part.shape[:-1].numel() for part in seen.pooler_output)


class PooledVideo(Vision):
    """Frames as a video (b, f, 3, h, w) of pooled tokens, and one newline token a clip: LLaVA-OneVision."""

    part = "video"

    def pack(self, frames: Float[Tensor, "n 3 h w"], batch: int) -> dict[str, Tensor]:
        """Frames of a clip in a dimension of their own."""
        return {"pixel_values_videos": frames.view(batch, -1, *frames.shape[1:])}


class NestedImages(Vision):
    """Fixed-size images (b, f, 3, h, w), each seen whole and not cut up: SmolVLM."""

    only_embeds = False  # the model's own code drops images of zeros

    def pack(self, frames: Float[Tensor, "n 3 h w"], batch: int) -> dict[str, Tensor]:
        """Images of a sample in a dimension of their own."""
        # The model takes images of zeros for padding and drops them, but that is what an even gray frame becomes.
        gray = (frames == 0).flatten(1).all(1)
        return {"pixel_values": (frames + 1e-6 * gray[:, None, None, None]).view(batch, -1, *frames.shape[1:])}


class Patches(Vision):
    """Patches in a row (patches, pixels of one) and the grid of each frame (b*f, 3), of any size: Qwen-VL.

    Rotary positions have three axes (time, height, width), which the model's own code derives.
    """

    counted_positions = False
    only_embeds = False

    def measure(self, base: Any) -> None:
        """Follow the frames' size in the grid, between the processor's least and greatest number of pixels."""
        vision = base.config.vision_config
        self.patch, self.merge = int(vision.patch_size), int(vision.spatial_merge_size)
        self.repeat = int(vision.temporal_patch_size)  # a still image stands for that many equal frames
        self.image_token_id = int(base.config.image_token_id)
        self.extra_tokens = 0

    def target_size(self, height: int, width: int) -> tuple[int, int]:
        """As the family's processor rounds: whole tokens, within its bounds on pixels."""
        from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize

        size = self.processor.size
        bounds = {"min_pixels": size["shortest_edge"], "max_pixels": size["longest_edge"]}
        rounded: tuple[int, int] = smart_resize(height, width, self.patch * self.merge, **bounds)
        return rounded

    def tokens_per_frame(self, height: int, width: int) -> int:
        """Tokens of a frame of that size in pixels: one for ``merge`` x ``merge`` patches."""
        height, width = self.target_size(height, width)
        return (height // (self.patch * self.merge)) * (width // (self.patch * self.merge))

    def pack(self, frames: Float[Tensor, "n 3 h w"], batch: int) -> dict[str, Tensor]:
        """Cut up, the patches of one token side by side (Qwen2VLImageProcessor)."""
        rows, columns = (side // self.patch for side in frames.shape[-2:])
        cut = frames.reshape(
            len(frames), 3, rows // self.merge, self.merge, self.patch, columns // self.merge, self.merge, self.patch
        )
        cut = cut.permute(0, 2, 5, 3, 6, 1, 4, 7).unsqueeze(6)  # (n, rows / m, columns / m, m, m, 3, 1, p, p)
        cut = cut.expand(*cut.shape[:6], self.repeat, -1, -1)
        grid = torch.tensor([[1, rows, columns]], device=frames.device).repeat(len(frames), 1)
        return {"pixel_values": cut.flatten(5).flatten(0, 4), "image_grid_thw": grid}

    def positions(
        self, base: Any, ids: Int[Tensor, "b n"], mask: Int[Tensor, "b n"], inputs: dict[str, Tensor]
    ) -> Int[Tensor, "3 b n"]:
        """By the model's ``get_rope_index``."""
        is_image = (ids == self.image_token_id).int()
        grid = inputs["image_grid_thw"]
        found: Tensor = base.get_rope_index(ids, is_image, image_grid_thw=grid, attention_mask=mask)[0]
        return found


@dataclass(frozen=True)
class Family:
    """What a model type needs.

    Args:
        vision: How frames enter.
        before: Tokens its processor puts before those of an image: (attribute of the tokenizer, text if it has none).
        after: The same behind an image.
    """

    vision: type[Vision]
    before: tuple[tuple[str, str], ...] = ()
    after: tuple[tuple[str, str], ...] = ()


_FAKE = ("fake_image_token", "<fake_token_around_image>")
FAMILIES = {
    "internvl": Family(Vision, (("start_image_token", "<img>"),), (("end_image_token", "</img>"),)),
    "llava": Family(Vision),
    "llava_onevision": Family(PooledVideo),
    "qwen2_5_vl": Family(Patches),
    "qwen3_vl": Family(Patches),
    "smolvlm": Family(NestedImages, (_FAKE, ("global_image_token", "<global-img>")), (_FAKE,)),
}


def family_of(model_type: str | None, folder: str) -> Family:
    """Return the family of a checkpoint.

    Raises:
        UseError: If it is none of those that work.
    """
    if model_type not in FAMILIES:
        raise UseError(
            f"{folder!r} holds a model of type {model_type!r}, which cannot read frames and queries here; "
            f"the types that work are {', '.join(FAMILIES)}"
        )
    return FAMILIES[model_type]
