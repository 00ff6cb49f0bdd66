"""What all methods without training share."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from support.parts import make_batch

from veggie_pl.batch import MissingSample
from veggie_pl.errors import UseError
from veggie_pl.methods import Flatten, FrameByFrame, InstructDiffusion, TokenFlow, VidToMe
from veggie_pl.methods.processors import SamplingRun, self_attention
from veggie_pl.methods.training_free import Sampling, TrainingFree
from veggie_pl.metrics.methods import Method, MethodModule
from veggie_pl.model_folder import load_model

METHODS = [Flatten, FrameByFrame, InstructDiffusion, TokenFlow, VidToMe]


def test_frame_by_frame_is_the_image_models_own_edit(own: str) -> None:
    batch, model = make_batch(3, 4), load_model(Path(own))
    edited = FrameByFrame(own).edit_batch(batch)
    for row in range(3):
        assert torch.equal(edited[row], model.edit_batch(batch.rows([row]))[0])


@pytest.mark.parametrize("kind", METHODS)
def test_edit_depends_on_key_and_seed_and_not_on_the_batch(own: str, kind: type[TrainingFree]) -> None:
    batch, method = make_batch(2, 5), kind(own)
    edited = method.edit_batch(batch)
    assert edited.shape == batch.source.shape
    assert torch.equal(edited, method.edit_batch(batch))
    assert torch.equal(edited[1], kind(own).edit_batch(batch.rows([1]))[0])
    renamed = replace(batch, examples=[one._replace(key=f"other/{one.key}") for one in batch.examples])
    assert not torch.equal(edited, method.edit_batch(renamed))
    assert not torch.equal(edited, kind(own, sampling=Sampling(seed=1)).edit_batch(batch))


@pytest.mark.parametrize("kind", METHODS)
def test_methods_are_scored_as_any_other(own: str, kind: type[TrainingFree]) -> None:
    method = kind(own)
    assert isinstance(method, Method)
    assert MethodModule(method).name == f"{kind.__name__} over {own}"


def test_missing_samples_keep_their_filling(own: str) -> None:
    batch = make_batch(2, 2).without({0: MissingSample("streams", 0, "noise/0", "empty")})
    edited = FrameByFrame(own).edit_batch(batch)
    assert torch.equal(edited[0], batch.source[0])
    assert not torch.equal(edited[1], batch.source[1])


class Failing(TrainingFree):
    """Breaks in the middle of a run."""

    def processors(self, run: SamplingRun) -> Mapping[str, Any]:
        """Replace all."""

        def fail(*_: Any, **__: Any) -> None:
            raise RuntimeError("broken")

        return dict.fromkeys(self.model.unet.attn_processors, fail)


def test_processors_are_restored_also_after_an_error(own: str) -> None:
    batch = make_batch(1, 5)
    for method in (VidToMe(own), Failing(own)):
        before = method.model.unet.attn_processors
        if isinstance(method, Failing):
            with pytest.raises(RuntimeError, match="broken"):
                method.edit_batch(batch)
        else:
            method.edit_batch(batch)
        after = method.model.unet.attn_processors
        assert before.keys() == after.keys()
        assert all(before[name] is after[name] for name in before)


class Watching(TrainingFree):
    """Notes what its processors know of the run."""

    def processors(self, run: SamplingRun) -> Mapping[str, Any]:
        """Note, and do what the layer's own does."""
        own = self_attention(self.model.unet)
        name, plain = next(iter(own.items()))
        self.seen: list[tuple[Any, ...]] = []

        def note(*args: Any, **more: Any) -> Any:
            self.seen.append((run.step, run.num_steps, run.num_frames, run.key))
            return plain(*args, **more)

        return {name: note}


def test_processors_know_step_and_key(own: str) -> None:
    method = Watching(own, Sampling(seed=7))
    method.edit_batch(make_batch(1, 3))
    assert method.seen == [(step, 2, 3, (7, "methods", "noise/0")) for step in (0, 1)]


def test_same_noise_is_that_of_the_first_frame(pix2pix: str) -> None:
    batch = make_batch(1, 3)
    batch.source[:] = batch.source[:, :1]
    edited = FrameByFrame(pix2pix, Sampling(num_steps=2, same_noise=True)).edit_batch(batch)
    assert (edited - edited[:, :1]).abs().max() < 1e-5
    other = FrameByFrame(pix2pix, Sampling(num_steps=2)).edit_batch(batch)
    assert torch.equal(edited[:, 0], other[:, 0]) or (edited[:, 0] - other[:, 0]).abs().max() < 1e-5
    assert (other - other[:, :1]).abs().max() > 1e-2


def test_captions_are_read_where_they_are_asked_for(own: str) -> None:
    batch, method = make_batch(1, 2), FrameByFrame(own, Sampling(words="caption"))
    with pytest.raises(UseError, match="words: caption, but noise/0 has none; the other choice is instruction"):
        method.edit_batch(batch)
    caption = replace(batch, examples=[batch.examples[0]._replace(caption="a red circle")])
    worded = replace(batch, examples=[batch.examples[0]._replace(instruction="a red circle")])
    assert torch.equal(method.edit_batch(caption), FrameByFrame(own).edit_batch(worded))


def test_steps_are_the_folders_then_the_papers(own: str, pix2pix: str) -> None:
    assert FrameByFrame(own).num_steps == 2
    assert FrameByFrame(pix2pix).num_steps == 100
    assert VidToMe(pix2pix).num_steps == 50
    assert VidToMe(pix2pix, sampling=Sampling(num_steps=3)).num_steps == 3
