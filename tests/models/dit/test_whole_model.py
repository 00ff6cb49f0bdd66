"""A whole model of a transformer and a codec that compresses time: it trains, edits clips of any length, is kept."""

from pathlib import Path

import numpy as np
import pytest
import torch
from support.fake import pattern
from support.parts import fit, make_batch, make_data
from support.video_models import wan_module

from veggie_pl.errors import UseError
from veggie_pl.inference.editor import Editor
from veggie_pl.inference.pipeline import VeggiePipeline
from veggie_pl.model_folder import load_model, save_model
from veggie_pl.model_weights import stored_weights


@pytest.mark.parametrize("frames", [5, 9])
def test_every_frame_has_task_tokens_and_learns(frames: int) -> None:
    module = wan_module()
    batch = make_batch(2, frames)
    drawn = module.draw(batch, "fit")
    assert drawn.target.shape == (2, 1 + (frames - 1) // 4, 16, 2, 2)
    assert drawn.frame_index.shape == (2, frames)
    module.loss_of(batch, drawn).mean().backward()
    reached = module.queries.frame.grad.abs().sum(1) > 0
    assert set(drawn.frame_index.flatten().tolist()) == set(reached.nonzero().flatten().tolist())


@torch.no_grad()
def test_a_latent_frame_is_told_of_its_own_frames() -> None:
    module = wan_module()
    batch = make_batch(1, 9)
    told: list[torch.Tensor] = []
    module.viddm.register_forward_pre_hook(lambda _, given: told.append(given[3]))
    module.per_sample_loss(batch, "fit")
    assert told[0].shape == (1, 9, 2, 24)


@pytest.mark.parametrize(("most", "windows"), [(9, [9, 9]), (12, [9, 9]), (8, [5, 5, 5]), (13, [13])])
@torch.no_grad()
def test_eleven_frames_are_edited_in_windows_that_the_codec_takes(most: int, windows: list[int]) -> None:
    module = wan_module(most)
    seen: list[int] = []
    module.vae.vae.encoder.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[2]))
    editor = Editor(module, num_steps=1)
    frames = pattern(11, 16, 16)
    edited = editor.edit_frames(frames, "make it night")
    assert edited.shape == (11, 3, 16, 16)
    starts = [place for place, count in enumerate(seen) if count == 1]  # each clip begins with one frame alone
    assert [sum(part) for part in np.split(np.array(seen), starts[1:])] == windows
    assert torch.equal(edited, editor.edit_frames(frames, "make it night"))


def test_clips_that_the_codec_does_not_take_are_an_error_before_training() -> None:
    nearest = r"WanCodec does not take .* editing has clips of 8 frames, the nearest are 5 and 9; .*Set num_frames"
    with pytest.raises(UseError, match=nearest):
        fit(wan_module(), make_data(8), 1)


@torch.no_grad()
def test_held_out_clips_that_grow_too_long_are_an_error() -> None:
    module = wan_module(8)
    guidance = module.guidance["removal"]
    with pytest.raises(UseError, match="WanCodec takes 8 frames as 9, but the queries cover 8"):
        module.edit(torch.zeros(1, 8, 3, 16, 16), ["remove it"], guidance, [("edit", 0)])
    assert module.edit(torch.zeros(1, 4, 3, 16, 16), ["remove it"], guidance, [("edit", 0)]).shape[1] == 4


def test_two_steps_on_clips_move_what_learns() -> None:
    module = wan_module()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    fit(module.train(), make_data(5, batch_size=2), 2)
    moved = {name.split(".")[0] for name, value in module.state_dict().items() if not torch.equal(value, before[name])}
    assert moved == {"mllm", "queries", "aligner", "viddm"}


@torch.no_grad()
def test_the_pipeline_of_its_folder_gives_what_edit_gives(tmp_path: Path) -> None:
    module = wan_module(seed=3)
    save_model(module, tmp_path / "model")
    again = load_model(tmp_path / "model")
    frames = pattern(6, 20, 24)
    edited = Editor(again, seed=2).edit_frames(frames, "remove the red circle")
    pipe = VeggiePipeline.from_pretrained(tmp_path / "model")
    found = pipe(frames, "remove the red circle", generator=torch.Generator().manual_seed(2), output_type="pt")
    assert torch.equal(found.frames[0], (edited + 1) / 2)
    assert torch.equal(edited, Editor(module, seed=2).edit_frames(frames, "remove the red circle"))
    stored = stored_weights(tmp_path / "model", module)
    assert stored.keys() == module.state_dict().keys()
