"""The vision tower of an MLLM as features of frames."""

import torch
from support.experts import clip_of
from support.parts import NANO_MLLM

from veggie_pl.experts import VisionTower
from veggie_pl.experts.protocols import FrameFeatures
from veggie_pl.models import Mllm

FRAMES = clip_of(4, 32, 32)


def test_features_are_the_mean_of_what_the_mllm_reads() -> None:
    expert = VisionTower(str(NANO_MLLM))
    assert isinstance(expert, FrameFeatures)
    mllm = Mllm(str(NANO_MLLM))
    with torch.no_grad():
        inputs = mllm.vision.inputs(FRAMES[1:2][None], torch.float32)
        tokens = mllm.model.base_model.get_video_features(**inputs, return_dict=True).pooler_output[0]
    expected = tokens.reshape(-1, tokens.shape[-1]).mean(0)
    found = expert.embed_frames(FRAMES)
    assert found.shape == (4, len(expected))
    torch.testing.assert_close(found[1], expected / expected.norm(), atol=1e-6, rtol=0)


def test_chunks_change_nothing_and_frames_do() -> None:
    one, many = (VisionTower(str(NANO_MLLM), chunk=chunk).embed_frames(FRAMES) for chunk in (1, 3))
    torch.testing.assert_close(one, many, atol=1e-6, rtol=0)
    assert not torch.allclose(one[0], one[3], atol=1e-4)


def test_the_digest_is_that_of_what_sees() -> None:
    expert, other, deaf = (VisionTower(str(NANO_MLLM)) for _ in range(3))
    with torch.no_grad():
        other.mllm.model.base_model.vision_tower.encoder.layers[0].layer_norm1.bias += 1
        deaf.mllm.model.base_model.language_model.norm.weight += 1
    assert expert.digest != other.digest
    assert expert.digest == deaf.digest
