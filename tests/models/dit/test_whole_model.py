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


def test_a_group_of_queries_for_each_latent_frame_reaches_it_and_no_other() -> None:
    module = wan_module(9, every=4, grouping="one", tokens_per_frame=2)
    asked: list[torch.Tensor] = []
    module.viddm.register_forward_pre_hook(lambda _, given: asked.append(given[3]))
    batch = make_batch(2, 9)
    drawn = module.draw(batch, "fit")
    module.loss_of(batch, drawn).mean().backward()
    assert asked[0].shape == (2, 3, 2, 24)  # not of nine frames
    reached = module.queries.frame.grad.abs().sum(1) > 0
    assert reached.nonzero().flatten().tolist() == [0, 4, 8]
    assert module.loss_of(make_batch(2, 1), module.draw(make_batch(2, 1), "fit")).isfinite().all()  # images too
    edited = Editor(module, num_steps=1).edit_frames(pattern(6, 16, 16), "make it night")
    assert edited.shape == (6, 3, 16, 16)


def test_groups_of_a_latent_frame_stand_where_those_of_its_last_frame_do() -> None:
    module = wan_module(9)
    batch = make_batch(1, 9)
    index = torch.arange(9)[None]
    prompt, tokens = module.mllm.prompt, module.mllm.tokens_per_frame
    every, some = (prompt.layout(batch.instruction, index, 2, tokens, 0, 9, num_groups=groups) for groups in (9, 3))
    of_all = every.position_ids[0, -18:].view(9, 2)
    assert torch.equal(some.position_ids[0, -6:].view(3, 2), of_all[::4])
    with pytest.raises(UseError, match="4 groups of queries cannot be shared out among 9 frames"):
        prompt.layout(batch.instruction, index, 2, tokens, 0, 9, num_groups=4)


def test_queries_of_other_frames_than_the_codecs_are_one_error() -> None:
    with pytest.raises(UseError, match=r"queries.every is 8, but WanDenoiser with WanCodec .* for every 4 frames"):
        wan_module(9, every=8)
    with pytest.raises(UseError, match="every is 0"):
        wan_module(9, every=0)


@torch.no_grad()
def test_a_reference_is_a_clean_frame_behind_the_clip_where_asked_for() -> None:
    modules = [wan_module(6, references=how) for how in ("mllm", "latents")]
    frames, picture = pattern(5, 16, 16), torch.rand(1, 3, 16, 16) * 2 - 1
    seen: list[tuple[int, ...]] = []
    modules[1].viddm.transformer.register_forward_pre_hook(lambda _, given: seen.append(tuple(given[1].shape)))
    by_mllm, by_both = (Editor(one, num_steps=1).edit_frames(frames, "add it", picture) for one in modules)
    assert by_mllm.shape == by_both.shape
    assert not torch.equal(by_mllm, by_both)
    assert seen == [(1, 3)]  # a timestep for each frame's one cell: two of the clip, one of the picture
    plain = [Editor(one, num_steps=1).edit_frames(frames, "add it") for one in modules]
    assert torch.equal(*plain)  # without a picture they are one model


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
