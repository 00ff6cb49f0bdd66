"""Clips of more frames than the model takes: what is the same in all ways, and what each adds."""

from pathlib import Path

import numpy as np
import pytest
import torch
from support.fake import pattern
from support.parts import tiny_module

from veggie_pl.diffusion.over_windows import blend_weights
from veggie_pl.diffusion.sampler import sample_latents
from veggie_pl.errors import UseError
from veggie_pl.inference.editor import Editor
from veggie_pl.inference.long_clips import DEFAULT, LONG, LongClips
from veggie_pl.inference.together import Anchors, frame_noise
from veggie_pl.model import VeggieModel
from veggie_pl.model_folder import load_model
from veggie_pl.training.precision import autocast
from veggie_pl.video.clip import to_clip

CPU = torch.device("cpu")
WORDS = "remove the red circle"


@pytest.fixture(scope="module")
def module(model_folder: Path) -> VeggieModel:
    return load_model(model_folder).eval()


def edit(module: VeggieModel, frames: np.ndarray, **how: object) -> torch.Tensor:
    return Editor(module, num_steps=2, long=LongClips(**how)).edit_frames(frames, WORDS)  # type: ignore[arg-type]


def test_clip_of_one_window_is_the_same_in_all_ways(module: VeggieModel) -> None:
    frames = pattern(8, 16, 16)
    first, *others = [edit(module, frames, how=how) for how in LONG]
    assert all(torch.equal(first, one) for one in others)


def test_ways_differ_where_there_are_several_windows(module: VeggieModel) -> None:
    frames = pattern(12, 16, 16)
    edits = [edit(module, frames, how=how) for how in LONG]
    assert all(one.shape == (12, 3, 16, 16) for one in edits)
    assert not any(torch.equal(edits[one], edits[other]) for one, other in ((0, 1), (1, 2), (0, 2)))
    assert torch.equal(edits[LONG.index(DEFAULT)], edit(module, frames))


def test_blended_is_one_run_over_the_whole_clip_with_tokens_of_each_window(module: VeggieModel) -> None:
    frames = pattern(12, 16, 16)
    clip, places = to_clip(frames)[None], [range(8), range(4, 12)]
    guidance, weights = module.guidance["removal"], blend_weights(places)
    with autocast(CPU):
        parts = [module.prediction(module.condition(clip[:, p.start : p.stop], [WORDS]), guidance) for p in places]

    def predict(noisy: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        joined = torch.zeros_like(noisy)
        for place, part, weight in zip(places, parts, weights, strict=True):
            one = part(noisy[:, place.start : place.stop], timestep)
            joined[:, place.start : place.stop] += weight.float()[:, None, None, None] * one
        return joined

    shape = module.vae.latent_shape(8, 16, 16)
    start = frame_noise(range(12), shape[1:], 0, CPU)
    with torch.no_grad(), autocast(CPU):
        whole = module.decode(sample_latents(predict, module.objective.process, start, 2))[0].float()
    torch.testing.assert_close(edit(module, frames, how="blended"), whole, atol=1e-4, rtol=0)


def test_noise_of_a_frame_is_a_function_of_seed_and_number() -> None:
    whole = frame_noise(range(20), (3, 4, 4), 7, CPU)
    for part in (range(0, 8), range(6, 14), range(19, 20)):
        assert torch.equal(frame_noise(part, (3, 4, 4), 7, CPU), whole[:, part.start : part.stop])
    assert len({float(frame.sum()) for frame in whole[0]}) == 20
    assert not torch.equal(frame_noise(range(20), (3, 4, 4), 8, CPU), whole)
    many = frame_noise(range(2000), (3, 4, 4), 0, CPU)
    assert abs(float(many.mean())) < 0.01
    assert abs(float(many.std()) - 1) < 0.01


def test_tokens_between_anchors_are_interpolated() -> None:
    tokens = torch.tensor([0.0, 10.0, 40.0])[None, :, None, None]
    anchors = Anchors([0, 10, 20], (tokens, -tokens))
    told, null = anchors.of(range(8, 13))
    torch.testing.assert_close(told[0, :, 0, 0], torch.tensor([8.0, 9.0, 10.0, 13.0, 16.0]))
    torch.testing.assert_close(null, -told)
    assert anchors.of(range(20, 21))[0].item() == 40
    assert anchors.of(range(1))[0].item() == 0


def test_anchors_are_spread_over_the_clip_and_asked_once(module: VeggieModel, monkeypatch: pytest.MonkeyPatch) -> None:
    frames, asked = pattern(50, 16, 16), []
    whole, read = module.task_tokens, to_clip(frames)

    def note(source, *rest):
        asked.append(source)
        return whole(source, *rest)

    monkeypatch.setattr(module, "task_tokens", note)
    edit(module, frames, how="anchored")
    (source,) = asked
    assert torch.equal(source[0], read[[0, 7, 14, 21, 28, 35, 42, 49]])


def test_window_and_overlap_lay_out_the_windows(module: VeggieModel) -> None:
    codec = module.vae
    assert LongClips().windows(20, 8, codec) == [range(0, 8), range(6, 14), range(12, 20)]
    assert LongClips(window=6, overlap=0).windows(12, 8, codec) == [range(6), range(6, 12)]
    assert LongClips(window=1).windows(2, 8, codec) == [range(1), range(1, 2)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window": 0}, "window must be 1 frame or more, got 0"),
        ({"overlap": -1}, "overlap must be 0 frames or more, got -1"),
        ({"window": 4, "overlap": 4}, "overlap must be below the window of 4 frames, got 4"),
        ({"window": 9}, "a window of 9 frames, but the model takes at most 8; the nearest is 8"),
        ({"overlap": 8}, "overlap below the window"),
    ],
)
def test_impossible_windows_are_refused(module: VeggieModel, options: dict, message: str) -> None:
    with pytest.raises(UseError, match=message):
        edit(module, pattern(12, 16, 16), **options)


def test_windows_of_codecs_that_compress_time_are_independent(monkeypatch: pytest.MonkeyPatch) -> None:
    module = tiny_module(video=True)
    assert Editor(module).long.how == DEFAULT
    assert Editor(module, keep="background").long.how == DEFAULT
    monkeypatch.setattr(module.vae, "frames_taken", lambda count: 1 + (count - 1) // 4 * 4)
    assert Editor(module).long.how == "independent"
    with pytest.raises(UseError, match="long anchored does not go: PixelCodec compresses time"):
        Editor(module, long=LongClips("anchored"))


@pytest.mark.parametrize("how", LONG)
def test_outside_of_a_region_the_source_stays_in_all_ways(module: VeggieModel, how: str) -> None:
    frames, region = pattern(12, 16, 16), torch.zeros(12, 16, 16)
    region[:, :, :8] = 1
    edited = Editor(module, num_steps=2, long=LongClips(how)).edit_frames(frames, WORDS, region=region)  # type: ignore[arg-type]
    change = (edited - to_clip(frames)).abs().amax(1)
    assert change[region == 0].max() == 0
    assert (change[:, :, :8].flatten(1).amax(1) > 0).all()
