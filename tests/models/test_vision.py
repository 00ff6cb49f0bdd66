"""Frames come to the vision tower as its own processor would make them, whichever way they are resized."""

import pytest
import torch

from veggie_pl.models.vision import by_products, interpolated


@pytest.mark.parametrize("mode", ["bilinear", "bicubic", "nearest"])
@pytest.mark.parametrize(("side", "size"), [((64, 48), (27, 27)), ((20, 30), (33, 45))])
def test_products_resize_as_the_kernel_does(mode: str, side: tuple[int, int], size: tuple[int, int]) -> None:
    frames = torch.rand(2, 3, *side, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.autocast("cpu", torch.bfloat16):  # which must not reach the products
        found = by_products(frames, size, mode)
    assert found.dtype == torch.float32
    assert torch.allclose(found, interpolated(frames, size, mode), atol=1e-6)
