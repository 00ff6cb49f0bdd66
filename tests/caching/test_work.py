"""What a run reads is what its mixture gives, and what keeping it takes is what files take."""

from pathlib import Path

import pytest
import torch
from support.cached import cached_module, filler_of
from support.families import FAMILIES
from support.parts import make_data, mixed_data

from veggie_pl.batch import ClipNames, collate
from veggie_pl.caching.work import BLOCK, Portion, Size, features_size, latents_size, portions_of
from veggie_pl.data.groups import Group
from veggie_pl.models import Mllm

GROUP = Group("s", "", "", 1.0, 3)


def on_disk(folder: Path) -> Size:
    files = [path.stat().st_size for path in folder.rglob("*.safetensors")]
    return Size(len(files), sum(-(-one // BLOCK) * BLOCK for one in files))


@pytest.mark.parametrize("samples", [1, 7, 64])
def test_rows_are_those_that_the_mixture_gives(samples: int) -> None:
    mixture = mixed_data().mixture
    found = {(one.group.stream, int(row)) for one in portions_of(mixture, samples) for row in one.rows}
    assert found == {mixture.locate(index) for index in range(samples)}
    for one in portions_of(mixture, samples):
        assert sorted(set(one.rows)) == list(one.rows)
        assert one.shape == ((1, 16, 16) if one.group.stream == "images" else (2, 16, 16))


def test_sizes_are_those_of_the_files(tmp_path: Path) -> None:
    module, mixture = cached_module(tmp_path, tmp_path / "kept"), make_data(2).mixture
    filler = filler_of(module)
    portions = portions_of(mixture, 6)
    for one in portions:
        for row in one.rows:
            filler.fill(collate([(0, mixture.streams[one.group.stream].stream[int(row)])]))
    latents = sum((latents_size(module.vae, one) for one in portions), Size())
    features = sum((features_size(module.mllm, one) for one in portions), Size())
    assert (latents.entries, features.entries) == (12, 6)
    assert latents == on_disk(tmp_path / "kept/latents")
    assert features == on_disk(tmp_path / "kept/features")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("frames", [1, 2])
def test_features_are_as_large_as_told_and_those_of_a_batch(family: str, frames: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    folder = FAMILIES[family](tmp_path / "model")
    plain = Mllm(folder).requires_grad_(False).eval()
    cached = Mllm(folder, cache=str(tmp_path / "kept")).requires_grad_(False).eval()
    source, queries = torch.rand(3, frames, 3, 56, 56) * 2 - 1, torch.randn(3, frames, 2, plain.width)
    texts, places = ["remove it"] * 3, torch.arange(frames).expand(3, -1)
    names = [ClipNames(f"clip {row}", "unused") for row in range(3)]
    for rows in (slice(0, 1), slice(0, 3), slice(0, 3)):  # one alone, two new ones beside it, none
        found = cached(source[rows], texts[rows], queries[rows], places[rows], names=names[rows])
    assert torch.allclose(found, plain(source, texts, queries, places), atol=1e-6)
    assert features_size(cached, Portion(GROUP, range(3), (frames, 56, 56))) == on_disk(tmp_path / "kept")
