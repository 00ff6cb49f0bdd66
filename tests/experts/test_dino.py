"""DINO and DINOv2 by folder: the class token of frames whose shorter side is the size asked for."""

import pytest
import torch
from support.experts import clip_of
from transformers import AutoModel

from veggie_pl.errors import UseError
from veggie_pl.experts import DinoExpert
from veggie_pl.experts.frozen import pictures
from veggie_pl.experts.protocols import FrameFeatures

FRAMES = clip_of(4, 40, 60)
every_folder = pytest.mark.parametrize("folder", ["dino", "dinov2"])


@every_folder
def test_features_are_the_class_token_of_the_whole_frame(folder: str, request: pytest.FixtureRequest) -> None:
    place = request.getfixturevalue(folder)
    expert = DinoExpert(place, device="cpu", size=32)
    model = AutoModel.from_pretrained(place).eval()
    pixels = expert.processor(
        images=pictures(FRAMES), size={"shortest_edge": 32}, do_center_crop=False, return_tensors="pt"
    )["pixel_values"]
    assert pixels.shape == (4, 3, 32, 48)
    options = {"interpolate_pos_encoding": True} if folder == "dino" else {}
    with torch.no_grad():
        expected = model(pixel_values=pixels, **options).last_hidden_state[:, 0]
    found = expert.embed_frames(FRAMES)
    assert isinstance(expert, FrameFeatures)
    torch.testing.assert_close(found, expected / expected.norm(dim=-1, keepdim=True), atol=1e-6, rtol=0)


@every_folder
def test_chunks_do_not_change_features_and_frames_do(folder: str, request: pytest.FixtureRequest) -> None:
    place = request.getfixturevalue(folder)
    one, many = (DinoExpert(place, device="cpu", size=32, chunk=chunk).embed_frames(FRAMES) for chunk in (1, 16))
    torch.testing.assert_close(one, many, atol=1e-6, rtol=0)
    assert not torch.allclose(one[0], one[3], atol=1e-4)


def test_what_is_at_the_sides_counts(dino: str) -> None:
    expert = DinoExpert(dino, device="cpu", size=32)
    other = FRAMES.clone()
    other[..., :6] = 1.0
    assert not torch.allclose(expert.embed_frames(FRAMES), expert.embed_frames(other), atol=1e-4)


def test_the_digest_knows_the_size(dino: str) -> None:
    small, large = (DinoExpert(dino, device="cpu", size=size) for size in (32, 40))
    assert small.digest != large.digest


def test_sizes_below_a_patch_and_other_families_are_refused(dino: str, clip: str) -> None:
    with pytest.raises(UseError, match=r"patches of 8 pixels.*got 4"):
        DinoExpert(dino, size=4)
    with pytest.raises(UseError, match=r"'clip'.*vit, dinov2"):
        DinoExpert(clip)
