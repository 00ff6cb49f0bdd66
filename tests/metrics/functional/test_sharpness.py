import pytest
import torch
from skimage import measure
from support.metric_batches import noise

from veggie_pl.metrics.functional import blur_effect, noise_level


def test_blur_effect_is_scikit_images() -> None:
    frames = noise(3, 3, 33, 40, seed=4)
    frames[1] = torch.nn.functional.avg_pool2d(frames[1][None], 5, 1, padding=2)[0]
    frames[2] = torch.linspace(-1, 1, 40)
    pixels = ((frames.double() + 1) / 2).movedim(1, -1).numpy()
    expected = [measure.blur_effect(one, channel_axis=-1) for one in pixels[:2]]
    assert blur_effect(frames[:2]).tolist() == pytest.approx(expected, abs=1e-6)


def test_blur_raises_it_and_nothing_to_see_is_wholly_blurred() -> None:
    sharp = noise(1, 3, 32, 32, seed=5)
    soft = torch.nn.functional.avg_pool2d(sharp, 5, 1, padding=2)
    assert blur_effect(sharp) < blur_effect(soft) < 1
    assert blur_effect(torch.zeros(1, 3, 32, 32)).tolist() == [1.0]


def test_noise_level_is_its_deviation() -> None:
    rng = torch.Generator().manual_seed(0)
    gray = torch.randn(1, 1, 200, 200, generator=rng).expand(-1, 3, -1, -1)
    plain = torch.linspace(-0.5, 0.5, 200).expand(1, 3, 200, 200)
    assert noise_level(plain).item() == pytest.approx(0.0, abs=1e-3)
    assert noise_level(plain + gray * 10 / 127.5).item() == pytest.approx(10.0, rel=0.03)


def test_frames_in_parts_are_those_together(monkeypatch: pytest.MonkeyPatch) -> None:
    clips = noise(2, 3, 3, 16, 16, seed=6)
    together = blur_effect(clips), noise_level(clips)
    monkeypatch.setattr("veggie_pl.metrics.functional.sharpness._CHUNK", 1)
    assert together[0].shape == (2, 3)
    assert torch.equal(blur_effect(clips), together[0])
    assert torch.equal(noise_level(clips), together[1])
