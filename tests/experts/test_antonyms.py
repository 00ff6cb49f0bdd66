"""Quality by antonyms: a softmax between two likenesses, and its name says so."""

import pytest
import torch
from jaxtyping import Float
from support.experts import clip_of
from torch import Tensor

from veggie_pl.batch import Clip
from veggie_pl.errors import UseError
from veggie_pl.experts import AntonymQuality, ClipExpert
from veggie_pl.experts.protocols import FrameQuality


class Brightness:
    """An exact expert: a frame's angle between "good" and "bad" is its brightness."""

    digest = "brightness"

    def embed_frames(self, frames: Clip) -> Float[Tensor, "f d"]:
        angle = (frames.mean((1, 2, 3)) + 1) / 2 * torch.pi / 2
        return torch.stack([angle.sin(), angle.cos()], -1)

    def embed_text(self, text: str) -> Float[Tensor, " d"]:
        return torch.tensor([1.0, 0.0] if "Good" in text else [0.0, 1.0])


def test_quality_is_the_mean_of_a_softmax() -> None:
    frames = torch.stack([torch.full((3, 4, 4), value) for value in (-1.0, 0.0, 1.0)])
    expected = (1 / (1 + torch.e) + 0.5 + torch.e / (1 + torch.e)) / 3
    found = AntonymQuality(Brightness(), scale=1.0)
    assert isinstance(found, FrameQuality)
    assert found.quality(frames) == pytest.approx(expected, abs=1e-6)
    assert found.quality(frames[2:]) > found.quality(frames[:1])


def test_the_name_says_what_it_is(clip: str) -> None:
    found = AntonymQuality(ClipExpert(clip, device="cpu"))
    assert found.name == "CLIP-IQA-style, 'Good photo.' against 'Bad photo.'"
    assert 0 <= found.quality(clip_of(2)) <= 1
    assert found.digest != AntonymQuality(found.expert, good="Sharp photo.").digest
    with pytest.raises(UseError, match="same name 'a'"):
        AntonymQuality(found.expert, "a", "a")
