"""Two videos and a text as Qwen3-VL reads them: pairs of frames, each pair behind its time."""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from veggie_pl.batch import Clip
from veggie_pl.errors import UseError

_TEXT = "\N{WHITE SQUARE}text\N{WHITE SQUARE}"  # stands for the text while the chat template is cut


class VideoInput:
    """Does what transformers' video processor does, which needs torchvision.

    Args:
        model: A Qwen3-VL.
        tokenizer: With its chat template.
        image_processor: Whose mean and standard deviation are the videos', too.
        settings: "fps", "max_frames", "min_pixels" and "max_pixels" of a frame.
    """

    def __init__(self, model: Any, tokenizer: Any, image_processor: Any, settings: Mapping[str, Any]) -> None:
        vision = model.config.vision_config
        self.patch, self.merge = int(vision.patch_size), int(vision.spatial_merge_size)
        self.together = int(vision.temporal_patch_size)  # frames that make one patch
        self.video_token_id = int(model.config.video_token_id)
        self.device, self.dtype = model.device, model.dtype
        self.tokenizer, self.settings = tokenizer, dict(settings)
        self.pad = str(tokenizer.convert_ids_to_tokens(self.video_token_id))
        self.mean, self.std = (torch.tensor(getattr(image_processor, name)) for name in ("image_mean", "image_std"))

    def __call__(self, first: Clip, second: Float[Tensor, "g 3 i j"], text: str) -> dict[str, Tensor]:
        """Lay out a message of two videos and a text.

        Args:
            first: Pixels in [-1, 1].
            second: The same.
            text: May hold tokens of the model's own.

        Raises:
            UseError: If the chat template does not lay out videos.
        """
        parts, patches, grids = self._around(), [], []
        laid = parts[0]
        for clip, after in zip((first, second), parts[1:], strict=True):
            seconds, frames = self._moments(clip)
            cut, grid = self.pack(self._resized(frames))
            tokens = self.pad * (grid[1] * grid[2] // self.merge**2)
            laid += "".join(f"<{at:.1f} seconds><|vision_start|>{tokens}<|vision_end|>" for at in seconds) + after
            patches.append(cut)
            grids.append(grid)
        laid = laid.replace(_TEXT, text)
        ids = self.tokenizer(laid, add_special_tokens=False, return_tensors="pt")["input_ids"].to(self.device)
        return {
            "input_ids": ids,
            "attention_mask": torch.ones_like(ids),
            "mm_token_type_ids": 2 * (ids == self.video_token_id).int(),
            "pixel_values_videos": torch.cat(patches).to(self.device, self.dtype),
            "video_grid_thw": torch.tensor(grids, device=self.device),
        }

    def _around(self) -> list[str]:
        """Tell what the chat template puts before, between and behind two videos."""
        content = [{"type": "video"}, {"type": "video"}, {"type": "text", "text": _TEXT}]
        message = [{"role": "user", "content": content}]
        laid: str = self.tokenizer.apply_chat_template(message, tokenize=False, add_generation_prompt=True)
        parts = laid.split(f"<|vision_start|>{self.pad}<|vision_end|>")
        if len(parts) != 3 or laid.count(_TEXT) != 1:
            raise UseError("the chat template of the reward model does not lay out two videos and a text")
        return parts

    def _moments(self, clip: Clip) -> tuple[list[float], Float[Tensor, "n 3 h w"]]:
        """Choose frames, whole patches of them, and tell the middle of each patch in seconds."""
        count = min(len(clip), int(self.settings["max_frames"]))
        places = torch.linspace(0, len(clip) - 1, count).round().long().tolist()
        places += [places[-1]] * (-len(places) % self.together)
        times = [place / self.settings["fps"] for place in places]
        last = self.together - 1
        middles = [(times[i] + times[i + last]) / 2 for i in range(0, len(times), self.together)]
        return middles, clip.detach().float().cpu()[places]

    def _resized(self, frames: Clip) -> Float[Tensor, "f 3 i j"]:
        from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize

        bounds = {name: self.settings[name] for name in ("min_pixels", "max_pixels")}
        size = smart_resize(*frames.shape[-2:], self.patch * self.merge, **bounds)
        if frames.shape[-2:] == size:
            return frames
        return F.interpolate(frames, size, mode="bicubic", antialias=True).clamp(-1, 1)

    def pack(self, frames: Float[Tensor, "f 3 h w"]) -> tuple[Float[Tensor, "n d"], tuple[int, int, int]]:
        """Normalise and cut up, the patches of one token side by side; the grid is time, height and width.

        Args:
            frames: In [-1, 1], whole patches in time, height and width.
        """
        pixels = ((frames + 1) / 2 - self.mean[:, None, None]) / self.std[:, None, None]
        rows, columns = (side // self.patch for side in frames.shape[-2:])
        steps, merge, patch = len(frames) // self.together, self.merge, self.patch
        cut = pixels.reshape(
            steps, self.together, 3, rows // merge, merge, patch, columns // merge, merge, patch
        ).permute(0, 3, 6, 4, 7, 2, 1, 5, 8)  # (t, rows / m, columns / m, m, m, 3, frames, p, p)
        return cut.flatten(5).flatten(0, 4), (steps, rows, columns)
