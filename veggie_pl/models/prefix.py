"""What stands before the queries, in a pass of its own: its keys and values, and whether that pays."""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from transformers.cache_utils import Cache, DynamicLayer

FrozenPrefix = bool | Literal["auto"]

# Measured on an H100 with LLaVA-OneVision-7B (docs/BENCHMARKS.md): what products of its width reach, in FLOP/s, and
# seconds that one operation of a layer costs a step that waits for Python; the latter so that the ways that were
# measured faster are chosen.
SUSTAINED = 400e12
LAUNCH = 33e-6
OPERATIONS = 48  # of one layer's forward pass, counted in eager mode


class PrefixLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values of one layer: what comes first is kept as it is, what comes later is joined to it and not kept.

    transformers' own begins with an empty tensor made on the host, copies the prefix to join it to that, and keeps what
    the queries add, which nobody reads.
    """

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Take a prefix."""
        self.dtype, self.device, self.is_initialized = key_states.dtype, key_states.device, True
        self.keys, self.values = key_states, value_states

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Give all keys and values up to here."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            return key_states, value_states
        return torch.cat([self.keys, key_states], -2), torch.cat([self.values, value_states], -2)


def prefix_cache() -> Cache:
    """Make an empty cache for one prefix and the queries behind it."""
    return Cache(layer_class_to_replicate=PrefixLayer)


@dataclass(frozen=True)
class Decoder:
    """What decides the cost of a pass through a language model.

    Args:
        weights: Of the matrix products of all layers.
        layers: How many.
        heads: Of queries.
        head_width: Of each.
    """

    weights: int
    layers: int
    heads: int
    head_width: int

    @classmethod
    def of(cls, model: Any) -> "Decoder":
        """Look at a transformers model."""
        layers, text = model.get_decoder().layers, model.config.get_text_config()
        weights = sum(parameter.numel() for parameter in layers.parameters() if parameter.ndim == 2)
        heads = int(text.num_attention_heads)
        width = int(getattr(text, "head_dim", None) or text.hidden_size // heads)
        return cls(weights, len(layers), heads, width)

    def saved(self, batch: int, before: int, asked: int) -> float:
        """Count the FLOPs that a pass over the prefix saves: its backward pass, and scores that no mask needs to hide.

        Counted as ``planning.meter`` does: 2 a weight and token; of attention, 4 a pair of tokens and channel forward
        and 10 backward, causal or not.

        Args:
            batch: Samples.
            before: Tokens of the prefix of each.
            asked: Query tokens of each.
        """
        pairs = 4 * before * asked + 10 * before * (before + asked)
        return batch * (2.0 * self.weights * before + self.layers * self.heads * self.head_width * pairs)

    def prefix_pays(self, batch: int, before: int, asked: int, device: str) -> bool:
        """Tell whether what it saves takes longer than launching each layer's operations once more.

        A CPU launches in no time, for what it takes to compute: there it always pays.
        """
        return device == "cpu" or self.saved(batch, before, asked) / SUSTAINED > self.layers * OPERATIONS * LAUNCH
