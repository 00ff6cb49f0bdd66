"""Videos as Qwen3-VL reads them, against the project's own packing of pictures and worked by hand."""

import pytest
import torch
from support.experts import clip_of
from support.families import FAMILIES
from transformers import AutoImageProcessor, AutoModelForImageTextToText, AutoTokenizer

from veggie_pl.errors import UseError
from veggie_pl.experts.judge.video_input import VideoInput
from veggie_pl.models import Mllm

SETTINGS = {"fps": 4.0, "max_frames": 8, "min_pixels": 32 * 32, "max_pixels": 64 * 64}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    torch.manual_seed(0)
    return FAMILIES["qwen3_vl"](tmp_path_factory.mktemp("qwen3_vl"))


@pytest.fixture(scope="module")
def layout(folder: str) -> VideoInput:
    model = AutoModelForImageTextToText.from_pretrained(folder)
    processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
    return VideoInput(model, AutoTokenizer.from_pretrained(folder), processor, SETTINGS)


def test_frames_that_stand_still_are_packed_as_pictures_are(layout: VideoInput, folder: str) -> None:
    frames = clip_of(2, 64, 32)
    packed, grid = layout.pack(frames.repeat_interleave(2, 0))
    expected = Mllm(folder).vision.inputs(frames[None], torch.float32)["pixel_values"]
    assert grid == (2, 4, 2)
    torch.testing.assert_close(packed, expected)


def test_a_patch_holds_one_frame_after_the_other(layout: VideoInput) -> None:
    frames = torch.stack([torch.full((3, 32, 32), value) for value in (-1.0, 1.0)])
    packed, _ = layout.pack(frames)
    patch = packed[0].view(3, 2, 16, 16)
    assert (patch[:, 0] == -1).all()
    assert (patch[:, 1] == 1).all()


def test_each_pair_of_frames_stands_behind_its_time(layout: VideoInput) -> None:
    inputs = layout(clip_of(5, 32, 32), clip_of(2, 32, 32), "judge <|im_end|>")
    text = layout.tokenizer.decode(inputs["input_ids"][0])
    shown = "<|vision_start|><|video_pad|><|vision_end|>"
    first = "".join(f"<{at} seconds>{shown}" for at in ("0.1", "0.6", "1.0"))
    assert f"{first}<0.1 seconds>{shown}judge <|im_end|>" in text
    assert inputs["video_grid_thw"].tolist() == [[3, 2, 2], [1, 2, 2]]
    assert inputs["pixel_values_videos"].shape == (16, 3 * 2 * 16 * 16)
    assert int((inputs["mm_token_type_ids"] == 2).sum()) == 4


def test_long_and_large_videos_are_reduced(layout: VideoInput) -> None:
    inputs = layout(clip_of(20, 200, 100), clip_of(1, 8, 8), "x")
    (steps, rows, columns), small = inputs["video_grid_thw"].tolist()
    assert steps == 4
    assert 32 * 32 <= rows * columns * 16 * 16 <= 64 * 64
    assert rows > columns
    assert small == [1, 2, 2]


def test_templates_without_videos_are_refused(layout: VideoInput) -> None:
    template = layout.tokenizer.chat_template
    layout.tokenizer.chat_template = "{{ messages[0]['content'][2]['text'] }}"
    try:
        with pytest.raises(UseError, match="two videos and a text"):
            layout(clip_of(1, 32, 32), clip_of(1, 32, 32), "x")
    finally:
        layout.tokenizer.chat_template = template
