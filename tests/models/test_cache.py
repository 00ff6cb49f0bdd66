"""Tensors kept on disk are given back to the network that made them, in the precision it made them in."""

from pathlib import Path

import pytest
import torch
from support.checkpoints import sd_vae
from support.parts import NANO_MLLM
from torch import nn

from veggie_pl.models import KlCodec, Mllm
from veggie_pl.models.cache import TensorCache

PRECISIONS = (None, torch.bfloat16, torch.float16)


def autocast(precision: torch.dtype | None) -> torch.autocast:
    return torch.autocast("cpu", precision or torch.bfloat16, enabled=precision is not None)


def kept(folder: Path) -> int:
    return len(list(folder.rglob("*.safetensors")))


def test_keys_know_the_precision_of_autocast_of_weights_and_of_products(tmp_path: Path) -> None:
    network, content = nn.Linear(3, 3), torch.rand(2, 3)
    keys = {}
    for weights in (torch.float32, torch.bfloat16, torch.float16):
        for precision in PRECISIONS:
            cache = TensorCache(tmp_path, nn.Linear(3, 3).to(weights))
            cache.network.load_state_dict(network.state_dict())
            with autocast(precision):
                keys[weights, precision] = cache.key(content, "x")
                assert cache.key(content, "x") == keys[weights, precision]
    assert len(set(keys.values())) == 9
    cache = TensorCache(tmp_path, network)
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("highest")
        highest = cache.key(content, "x")
        torch.set_float32_matmul_precision("medium")
        assert cache.key(content, "x") != highest
    finally:
        torch.set_float32_matmul_precision(before)


def test_keys_see_weights_that_are_cast_after_the_first(tmp_path: Path) -> None:
    cache = TensorCache(tmp_path, nn.Linear(3, 3))
    whole = cache.key(torch.ones(3), "x")
    cache.network.bfloat16()
    assert cache.key(torch.ones(3), "x") != whole


def test_autocast_switched_off_is_none(tmp_path: Path) -> None:
    cache = TensorCache(tmp_path, nn.Linear(3, 3))
    with torch.autocast("cpu", torch.bfloat16, enabled=False):
        off = cache.key(torch.ones(3), "x")
    with torch.autocast("cpu", torch.float16), torch.autocast("cpu", torch.bfloat16, enabled=False):
        inner = cache.key(torch.ones(3), "x")
    assert off == inner == cache.key(torch.ones(3), "x")


@pytest.mark.parametrize("first", PRECISIONS)
def test_latents_are_those_of_their_precision(first: torch.dtype | None, tmp_path: Path) -> None:
    sd_vae().save_pretrained(tmp_path / "vae")
    plain = KlCodec(str(tmp_path / "vae")).eval()
    cached = KlCodec(str(tmp_path / "vae"), cache=str(tmp_path / "cache")).eval()
    clip = torch.rand(1, 1, 3, 16, 16) * 2 - 1
    for precision in (first, *PRECISIONS, first):
        with torch.no_grad(), autocast(precision):
            assert torch.equal(cached.encode_source(clip), plain.encode_source(clip)), precision
    assert kept(tmp_path / "cache") == 3


@pytest.mark.parametrize("first", PRECISIONS)
def test_features_are_those_of_their_precision(first: torch.dtype | None, tmp_path: Path) -> None:
    options = {"pretrained": False, "num_slots": 8, "attention": "eager"}
    torch.manual_seed(0)
    plain = Mllm(str(NANO_MLLM), **options).requires_grad_(False).eval()
    cached = Mllm(str(NANO_MLLM), cache=str(tmp_path), **options).requires_grad_(False).eval()
    cached.load_state_dict(plain.state_dict())
    source, queries = torch.rand(1, 1, 3, 32, 32) * 2 - 1, torch.randn(1, 1, 2, plain.width)
    for precision in (first, *PRECISIONS, first):
        with autocast(precision):
            found, expected = (mllm(source, ["x"], queries, torch.tensor([[0]])) for mllm in (cached, plain))
        assert torch.equal(found, expected), precision
    assert kept(tmp_path) == 3
