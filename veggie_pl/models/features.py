"""Vision features of clips that were seen before, kept on disk: what a frozen tower and projector made of them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from veggie_pl.batch import ClipNames
from veggie_pl.host import send
from veggie_pl.models.cache import TensorCache


class FeatureCache:
    """Stands between frames and an MLLM's forward, which takes features in place of pixels.

    Args:
        folder: See ``TensorCache``. A clip of 8 frames takes 11 MB for LLaVA-OneVision-7B in 16 bits.
        base: The model without its language head.
        part: "video" or "image", see ``Vision``.
        settings: Of model and image processor (``settings_of``).
    """

    def __init__(self, folder: str, base: Any, part: str, settings: str = "") -> None:
        self.base, self.part = base, part
        parts = [module for name, module in base.named_children() if name not in ("language_model", "text_model")]
        own = nn.ParameterList(base.parameters(recurse=False))  # LLaVA-OneVision's newline
        self.tensors = TensorCache(folder, nn.ModuleList([*parts, own]), settings)

    @property
    def usable(self) -> bool:
        """Whether what makes the features stays as it is."""
        return not any(parameter.requires_grad for parameter in self.tensors.network.parameters())

    @torch.no_grad()
    def __call__(
        self, inputs: dict[str, Tensor], source: Float[Tensor, "b f 3 h w"], names: Sequence[ClipNames]
    ) -> dict[str, Any]:
        """Put features in the place of pixels, made clip by clip where none are kept; clips without names stay pixels.

        Args:
            inputs: Frames as the forward takes them, as many of each clip.
            source: The clips that they were made of.
            names: Of the clips.
        """
        from transformers.models.qwen3_vl.modeling_qwen3_vl import BaseModelOutputWithDeepstackFeatures

        if not any(one.source for one in names):
            return inputs
        batch, device = len(source), source.device
        keys = self.keys(names, source.shape[1:], source.dtype, self.tensors.precision(device.type))
        apart = {name: tensor.chunk(batch) for name, tensor in inputs.items()}
        rows = self.tensors.each(
            keys, lambda lacking: self._see([{n: one[row] for n, one in apart.items()} for row in lacking], source)
        )
        joined = {name: torch.cat([send(row[name], device) for row in rows]) for name in rows[0]}
        deep = [[joined[name]] for name in sorted(joined) if name.startswith("deepstack")]
        pooled: Any = joined["pooled"]
        if pooled.ndim == 2:  # tokens of all frames in a row: these models want a list, by frame or not
            pooled = (pooled,)
        features = BaseModelOutputWithDeepstackFeatures(pooler_output=pooled, deepstack_features=deep)
        kept = {name: tensor for name, tensor in inputs.items() if not name.startswith("pixel_values")}
        return {"mm_encoder_outputs": {self.part: features}, **kept}

    def keys(self, names: Sequence[ClipNames], shape: Sequence[int], dtype: torch.dtype, precision: str) -> list[str]:
        """Keys of clips (``TensorCache.keys``)."""
        kind = f"features {self.base.config.model_type} {self.part}"
        return self.tensors.keys([one.source for one in names], kind, shape, dtype, precision)

    def _see(self, clips: list[dict[str, Tensor]], source: Tensor) -> Iterator[dict[str, Tensor]]:
        """Make features as ``KlCodec`` makes latents: two clips of one frame at a time, one of any other."""
        together = 2 if source.shape[1] == 1 else 1
        see = self.base.get_video_features if self.part == "video" else self.base.get_image_features
        for first in range(0, len(clips), together):
            part = clips[first : first + together]
            whole = (part * 2)[:together]
            made = see(**{name: torch.cat([one[name] for one in whole]) for name in part[0]}, return_dict=True)
            tensors = {"pooled": _flat(made.pooler_output)}
            for number, layer in enumerate(getattr(made, "deepstack_features", None) or ()):
                tensors[f"deepstack{number:03d}"] = _flat(layer)
            for row in range(len(part)):
                yield {name: tensor.chunk(together)[row] for name, tensor in tensors.items()}


def _flat(features: Tensor | Iterable[Tensor]) -> Tensor:
    """Return one tensor of what a model gives as one or as several."""
    return features if isinstance(features, Tensor) else torch.cat(list(features))
