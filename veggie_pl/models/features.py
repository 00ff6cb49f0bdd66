"""Vision features of clips that were seen before, kept on disk: what a frozen tower and projector made of them."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from veggie_pl.models.cache import TensorCache


class FeatureCache:
    """Stands between frames and an MLLM's forward, which takes features in place of pixels.

    Args:
        folder: See ``TensorCache``. A clip of 8 frames takes 11 MB for LLaVA-OneVision-7B in 16 bits.
        base: The model without its language head.
        part: "video" or "image", see ``Vision``.
    """

    def __init__(self, folder: str, base: Any, part: str) -> None:
        self.base, self.part = base, part
        parts = [module for name, module in base.named_children() if name not in ("language_model", "text_model")]
        own = nn.ParameterList(base.parameters(recurse=False))  # LLaVA-OneVision's newline
        self.tensors = TensorCache(folder, nn.ModuleList([*parts, own]))

    @property
    def usable(self) -> bool:
        """Whether what makes the features stays as it is."""
        return not any(parameter.requires_grad for parameter in self.tensors.network.parameters())

    @torch.no_grad()
    def __call__(self, inputs: dict[str, Tensor], batch: int) -> dict[str, Any]:
        """Put features in the place of pixels, made one clip at a time where none are kept.

        Args:
            inputs: Frames as the forward takes them, as many of each clip.
            batch: Clips.
        """
        from transformers.models.qwen3_vl.modeling_qwen3_vl import BaseModelOutputWithDeepstackFeatures

        rows = [
            self._of_one({name: tensor.chunk(batch)[row] for name, tensor in inputs.items()}) for row in range(batch)
        ]
        device = next(iter(inputs.values())).device
        joined = {name: torch.cat([row[name].to(device) for row in rows]) for name in rows[0]}
        deep = [[joined[name]] for name in sorted(joined) if name.startswith("deepstack")]
        pooled: Any = joined["pooled"]
        if pooled.ndim == 2:  # tokens of all frames in a row: these models want a list, by frame or not
            pooled = (pooled,)
        features = BaseModelOutputWithDeepstackFeatures(pooler_output=pooled, deepstack_features=deep)
        kept = {name: tensor for name, tensor in inputs.items() if not name.startswith("pixel_values")}
        return {"mm_encoder_outputs": {self.part: features}, **kept}

    def _of_one(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        kind = f"features {self.base.config.model_type}"
        key = " ".join(self.tensors.key(tensor, f"{kind} {name}") for name, tensor in sorted(inputs.items()))
        key = self.tensors.key(torch.frombuffer(bytearray(key.encode()), dtype=torch.uint8), kind)
        found = self.tensors.get(key)
        if found is None:
            see = self.base.get_video_features if self.part == "video" else self.base.get_image_features
            made = see(**inputs, return_dict=True)
            found = {"pooled": _flat(made.pooler_output)}
            for number, layer in enumerate(getattr(made, "deepstack_features", None) or ()):
                found[f"deepstack{number:03d}"] = _flat(layer)
            self.tensors.put(key, found)
        return found


def _flat(features: Tensor | Iterable[Tensor]) -> Tensor:
    """Return one tensor of what a model gives as one or as several."""
    return features if isinstance(features, Tensor) else torch.cat(list(features))
