"""Attention with fewer key heads than query heads, against counts by hand."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import Qwen2Config, Qwen2Model

from veggie_pl.planning.meter import Meter

BATCH, HEADS, ASKED, SEEN, WIDTH = 2, 8, 16, 24, 32
BY_HAND = 2 * BATCH * HEADS * ASKED * SEEN * WIDTH * 2  # scores and their sum over values, two operations a product


def meter_of(root: nn.Module) -> Meter:
    return Meter(root, lambda name: "")


def flops(meter: Meter) -> float:
    return sum(cost.flops for cost in meter.costs.values())


def repeated(key: Tensor) -> Tensor:
    """The heads written out, as ``repeat_kv`` of transformers does."""
    return key[:, :, None].expand(-1, -1, HEADS // key.shape[1], -1, -1).flatten(1, 2)


def fused(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(query, key, value, enable_gqa=True)


def causal(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(query, key, value, is_causal=True, enable_gqa=True)


def masked(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    mask = query.new_zeros(1, 1, ASKED, SEEN)
    return F.scaled_dot_product_attention(query, key, value, attn_mask=mask, enable_gqa=True)


def products(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    with sdpa_kernel(SDPBackend.MATH):
        return fused(query, key, value)


def written_out(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(query, repeated(key), repeated(value))


def eager(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    return (query @ repeated(key).mT).softmax(-1) @ repeated(value)


@pytest.mark.parametrize("attend", [fused, causal, masked, products, written_out, eager])
@pytest.mark.parametrize("heads", [1, 2, HEADS])
@pytest.mark.parametrize("mixed", [False, True])
def test_fewer_key_heads_are_counted_as_what_they_do(attend: object, heads: int, mixed: bool) -> None:
    assert callable(attend)
    with FakeTensorMode():
        query, key, value = (
            torch.randn(BATCH, number, size, WIDTH, requires_grad=True)
            for number, size in ((HEADS, ASKED), (heads, SEEN), (heads, SEEN))
        )
        with meter_of(nn.Identity()) as meter, torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            out = attend(query, key, value)
            assert flops(meter) == BY_HAND
            out.sum().backward()
    # Each product has two gradients; kernels that kept no scores make them again.
    assert flops(meter) in (3 * BY_HAND, 3.5 * BY_HAND)


def test_key_and_value_heads_may_differ_and_a_width_of_values_too() -> None:
    with FakeTensorMode(), meter_of(nn.Identity()) as meter:
        query, key, value = torch.randn(2, 8, 16, 32), torch.randn(2, 2, 24, 32), torch.randn(2, 4, 24, 64)
        F.scaled_dot_product_attention(query, key, value, enable_gqa=True)
    assert flops(meter) == 2 * 2 * 8 * 16 * 24 * (32 + 64)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("masked", [False, True])
def test_a_language_model_with_fewer_key_heads_is_counted_as_by_hand(attention: str, masked: bool) -> None:
    width, heads, key_heads, length, inner = 64, 8, 2, 24, 96
    config = Qwen2Config(
        hidden_size=width,
        num_attention_heads=heads,
        num_key_value_heads=key_heads,
        num_hidden_layers=1,
        intermediate_size=inner,
        vocab_size=8,
        attn_implementation=attention,
    )
    model = Qwen2Model(config)
    mask = torch.ones(2, length, dtype=torch.long)
    mask[1, :5] = 0
    with torch.no_grad(), meter_of(model) as meter:
        model(inputs_embeds=torch.randn(2, length, width), attention_mask=mask if masked else None, use_cache=False)
    products = width * width * 2 + width * (width * key_heads // heads) * 2 + 3 * width * inner  # q and o, k and v, MLP
    attended = 2 * length * length * width  # scores and values of all heads
    assert flops(meter) == 2 * (2 * length * products + 2 * attended)
