"""The shipped model finds where an edit of a long clip belongs, in all ways of editing one."""

import logging
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from support.fake import pattern
from support.parts import randomise_output, tiny_module

from veggie_pl.batch import Skill, collate
from veggie_pl.data.shapes import ShapesBenchmark
from veggie_pl.inference import keep_together
from veggie_pl.inference.edit_files import EditFiles
from veggie_pl.inference.editor import Editor
from veggie_pl.inference.keep_together import in_windows
from veggie_pl.inference.long_clips import LONG, LongClips
from veggie_pl.inference.which_model import find_model
from veggie_pl.masks.soften import soften
from veggie_pl.model import VeggieModel
from veggie_pl.model_folder import load_model
from veggie_pl.video.clip import ClipFile, to_clip, to_frames
from veggie_pl.video.writer import ClipWriter

FRAMES, FAR = 14, 6  # frames: two windows; pixels that a mask's margin and edge do not reach


@pytest.fixture(scope="module")
def shipped() -> VeggieModel:
    return load_model(find_model(["weights/nano/model"])).eval()


def clip_of(skill: Skill) -> tuple[np.ndarray, str, torch.Tensor]:
    """Give a clip that the model gets right: its frames, what is asked, and what is far from the change."""
    batch = collate([(0, ShapesBenchmark("test", num_frames=FRAMES).streams()[skill][0])])
    return to_frames(batch.source[0]), batch.instruction[0], soften(batch.mask[0], FAR, 0) == 0


@pytest.mark.parametrize(("skill", "how"), [*((Skill.REMOVAL, how) for how in LONG), (Skill.ADDITION, "blended")])
def test_source_stays_but_for_where_the_model_finds_the_thing(shipped: VeggieModel, skill: Skill, how: str) -> None:
    frames, words, far = clip_of(skill)
    source, steps = to_clip(frames), []
    editor = Editor(shipped, num_steps=2, on_step=steps.append, keep="background", long=LongClips(how))  # type: ignore[arg-type]
    change = (editor.edit_frames(frames, words) - source).abs().amax(1)
    assert change[far].max() == 0
    assert (change.flatten(1).amax(1) > 0.3).all()  # in every frame
    assert steps == [1, 2] * 2 or sorted(steps) == [1, 1, 2, 2]  # those of the edit alone


def test_clip_of_one_window_is_as_without_a_way(shipped: VeggieModel) -> None:
    frames, words, _ = clip_of(Skill.REMOVAL)
    editor = Editor(shipped, num_steps=2, keep="background", long=LongClips("blended"))
    plain = editor.edit_clip(to_clip(frames[:8]), words)
    torch.testing.assert_close(editor.edit_frames(frames[:8], words), plain, atol=1e-6, rtol=0)


def test_file_keeps_its_background_in_windows_edited_together(shipped: VeggieModel, tmp_path: Path) -> None:
    frames, words, far = clip_of(Skill.REMOVAL)
    large = frames.repeat(2, 1).repeat(2, 2)
    with ClipWriter(tmp_path / "in.mp4", 8.0) as writer:
        writer.write(large)
    files = EditFiles(tmp_path / "in.mp4", tmp_path / "out.mp4")
    Editor(shipped, num_steps=2, keep="background", long=LongClips("anchored")).edit_file(files, words)
    change = np.abs(ClipFile(files.output).frames().astype(int) - ClipFile(files.source).frames()).mean(-1)
    outside = far.numpy().repeat(2, 1).repeat(2, 2)
    assert change[outside].mean() < 2 < 10 < change[~outside].max()  # what is left is the encoder


def test_what_is_not_found_is_said_and_edited_whole(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    module, frames, words = load_model(model_folder).eval(), pattern(12, 16, 16), "remove the red circle"
    plain = Editor(module, long=LongClips("blended")).edit_frames(frames, words)
    monkeypatch.setattr(keep_together, "unpaint", lambda painted, *rest: torch.zeros_like(painted[:, 0]) > 0)
    with caplog.at_level(logging.INFO, "veggie_pl"):
        kept = Editor(module, keep="background", long=LongClips("blended")).edit_frames(frames, words)
    assert "'remove the red circle', frames 0 to 7: it was not found, so all of the picture may change" in caplog.text
    assert torch.equal(kept, plain)
    assert not torch.equal(kept, to_clip(frames))


@pytest.mark.parametrize("words", ["make it night", "highlight the red circle with blue masks"])
def test_requests_about_no_thing_are_plain_edits(model_folder: Path, words: str) -> None:
    module, frames = load_model(model_folder).eval(), pattern(12, 16, 16)
    plain, kept = (Editor(module, keep=keep, long=LongClips("blended")) for keep in ("nothing", "background"))  # type: ignore[arg-type]
    assert torch.equal(plain.edit_frames(frames, words), kept.edit_frames(frames, words))


@pytest.mark.parametrize("words", ["remove the red circle", "add a red circle on the left"])
def test_reading_is_no_farther_ahead_however_long_the_clip(words: str) -> None:
    module = tiny_module(video=True)
    randomise_output(module)
    read = 0

    def frames(start: int, stop: int) -> np.ndarray:
        nonlocal read
        read = max(read, stop)
        return np.random.default_rng(start).integers(0, 255, (stop - start, 16, 16, 3), np.uint8)

    editor = Editor(module, num_steps=1, keep="background", long=LongClips("blended", overlap=1))
    ahead = [read - frame.number for frame in editor._painted_frames(43, frames, words, None)]
    assert len(ahead) == 43
    assert max(ahead) <= 8 + 2 * 7  # a window, and of two waves one window more for each step


def test_windows_are_laid_over_parts_of_any_size() -> None:
    places, numbers = [range(0, 5), range(3, 8), range(6, 11)], torch.arange(11).view(-1, 1, 1) % 2 == 0
    for cuts in ([0, 11], [0, 1, 2, 11], list(range(12)), [0, 5, 8, 11]):
        parts = [(range(one, two), numbers[one:two]) for one, two in pairwise(cuts)]
        laid = list(in_windows(places, parts))
        assert [place for place, _ in laid] == places
        assert all(torch.equal(known, numbers[place.start : place.stop]) for place, known in laid)
