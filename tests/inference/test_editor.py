import json
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch
from pycocotools import mask as coco
from support.fake import pattern, write_fake
from support.parts import tiny_module

from veggie_pl.batch import Skill
from veggie_pl.diffusion.guidance import Guidance
from veggie_pl.errors import UseError
from veggie_pl.inference.edit_files import EditFiles, output_name
from veggie_pl.inference.editor import Editor
from veggie_pl.inference.long_clips import LongClips
from veggie_pl.masks.paint import paint
from veggie_pl.video.clip import ClipFile


@pytest.fixture(scope="module")
def copier() -> Editor:
    """An untrained model copies its source."""
    return Editor(tiny_module(video=True, num_steps=2))


@pytest.mark.parametrize("frames", [1, 3, 8, 21])
def test_output_has_the_sources_size_rate_and_length(tmp_path: Path, copier: Editor, frames: int) -> None:
    source = write_fake(tmp_path / "in.mp4", frames, 70, 50, 7.5)
    files = EditFiles(source, tmp_path / "out.mp4")
    copier.edit_file(files, "remove the red circle")
    assert ClipFile(files.output).info == ClipFile(source).info
    change = np.abs(ClipFile(files.output).frames().astype(int) - ClipFile(source).frames())
    assert change.mean() < 3  # an untrained model changes nothing; the rest is the encoder
    assert cv2.imread(str(files.comparison)) is not None


def test_times_and_sound_are_the_sources(tmp_path: Path, copier: Editor) -> None:
    times = [0, 30, 31, 90, 91, 100]
    with av.open(str(tmp_path / "in.mp4"), "w") as file:
        video, audio = file.add_stream("libx264", rate=10), file.add_stream("aac", rate=48000, layout="mono")
        video.height, video.width, video.pix_fmt, video.codec_context.time_base = 32, 32, "yuv444p", Fraction(1, 100)
        for time, picture in zip(times, pattern(len(times), 32, 32), strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 100)
            file.mux(video.encode(frame))
        file.mux(video.encode())
        for number in range(40):
            sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            sound.rate, sound.pts, sound.time_base = 48000, 1024 * number, Fraction(1, 48000)
            file.mux(audio.encode(sound))
        file.mux(audio.encode())
    copier.edit_file(
        EditFiles(tmp_path / "in.mp4", tmp_path / "out.mp4", tmp_path / "mask.mp4"), "mark it in red masks"
    )
    for name in ("in", "out", "mask"):
        assert ClipFile(tmp_path / f"{name}.mp4").seconds.tolist() == pytest.approx([time / 100 for time in times])
        with av.open(str(tmp_path / f"{name}.mp4")) as file:
            sounds = [bytes(packet) for stream in file.streams.audio for packet in file.demux(stream) if packet.size]
        assert len(sounds) == (0 if name == "mask" else 41)


def test_image_in_image_out(tmp_path: Path, copier: Editor) -> None:
    cv2.imwrite(str(tmp_path / "in.png"), pattern(1, 33, 47)[0])
    copier.edit_file(EditFiles(tmp_path / "in.png", tmp_path / "out.png"), "make it night")
    assert np.array_equal(cv2.imread(str(tmp_path / "out.png")), cv2.imread(str(tmp_path / "in.png")))


@pytest.mark.parametrize(
    "instruction", ["highlight the red square with blue masks", "With blue masks, highlight the red square."]
)
def test_mask_is_read_from_the_fill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, instruction: str) -> None:
    module = tiny_module(video=True, num_steps=2)
    where = torch.zeros(16, 16, dtype=torch.bool)
    where[4:10, 2:8] = True

    def fill(source, *rest):
        return paint(source, where.expand(1, source.shape[1], 16, 16), "blue")

    monkeypatch.setattr(module, "edit", fill)
    files = EditFiles(write_fake(tmp_path / "in.mp4", 5, 64, 64), tmp_path / "out.mp4", tmp_path / "mask.mp4")
    Editor(module).edit_file(files, instruction)
    mask = ClipFile(files.mask).frames() > 127
    expected = where.numpy().repeat(4, 0).repeat(4, 1)
    for frame in mask[..., 0]:
        assert (frame & expected).sum() / (frame | expected).sum() > 0.9


def test_several_objects_are_asked_for_one_by_one_and_decoded_by_their_colours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tiny_module(video=True, num_steps=2)
    places = {"red": (4, 2), "blue": (8, 6)}  # where the circle and the square are; they overlap
    asked = []

    def fill(source, instruction, *rest):
        color = "red" if "circle" in instruction[0] else "blue"
        asked.append(instruction[0])
        where = torch.zeros(16, 16, dtype=torch.bool)
        row, column = places[color]
        where[row : row + 6, column : column + 6] = True
        share = 1.0 if color == "red" else 0.8  # the stronger paint wins a pixel
        return paint(source, where.expand(1, source.shape[1], 16, 16).float() * share, color)

    monkeypatch.setattr(module, "edit", fill)
    cv2.imwrite(str(tmp_path / "in.png"), np.full((32, 32, 3), 128, np.uint8))
    files = EditFiles(tmp_path / "in.png", tmp_path / "out.png", tmp_path / "mask.json")
    Editor(module).edit_file(files, "highlight the circle in red and the square in blue")
    assert asked == ["Please label the circle with red masks.", "Please label the square with blue masks."]
    told = json.loads(files.mask.read_text())
    masks = [coco.decode(one["segmentations"][0]).astype(bool) for one in told["annotations"]]
    assert [one["name"] for one in told["categories"]] == ["red", "blue"]
    red, blue = (cv2.resize(mask.astype(np.uint8), (16, 16), interpolation=cv2.INTER_NEAREST) for mask in masks)
    assert red.sum() == 36
    assert blue.sum() == 36 - 2 * 2
    assert not (masks[0] & masks[1]).any()
    first, second = (one["confidences"][0] for one in told["annotations"])
    assert 0 < second < first <= 1  # paint of 80 % is nearer to the border of the decision
    shown = cv2.imread(str(files.output))[..., ::-1]
    assert shown[10, 6].argmax() == 0
    assert shown[26, 20].argmax() == 2


def test_windows_reach_the_model_with_room_for_the_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tiny_module(video=True, num_steps=2)
    seen = []

    def copy(source, instruction, guidance, seeds, num_steps, references, on_step):
        seen.append((source.shape[1], tuple(references.shape)))
        return source

    monkeypatch.setattr(module, "edit", copy)
    cv2.imwrite(str(tmp_path / "ref.png"), pattern(1, 33, 47)[0])
    files = EditFiles(write_fake(tmp_path / "in.mp4", 20), tmp_path / "out.mp4", reference=tmp_path / "ref.png")
    Editor(module, long=LongClips("independent")).edit_file(files, "make it look like the reference")
    assert seen == [(7, (1, 1, 3, 16, 16))] * 4
    assert ClipFile(files.output).info.num_frames == 20


def test_reference_changes_the_edit(model_folder: Path) -> None:
    from veggie_pl.model_folder import load_model

    editor = Editor(load_model(model_folder))
    clip = torch.rand(4, 3, 16, 16) * 2 - 1
    plain, black, white = (
        editor.edit_clip(clip, "add this", reference)
        for reference in (None, torch.full((1, 3, 16, 16), -1.0), torch.full((1, 3, 16, 16), 1.0))
    )
    assert not torch.equal(plain, black)
    assert not torch.equal(black, white)


def test_seed_steps_and_guidance_change_the_edit(model_folder: Path) -> None:
    from veggie_pl.model_folder import load_model

    module = load_model(model_folder)
    clip = torch.rand(4, 3, 16, 16) * 2 - 1

    def edit(**options: float) -> torch.Tensor:
        return Editor(module, **options).edit_clip(clip, "remove it")

    base = edit()
    assert torch.equal(edit(), base)
    for options in ({"seed": 1}, {"num_steps": 4}, {"guidance_task": 3.0}, {"guidance_source": 2.0}):
        assert not torch.equal(edit(**options), base), options


@pytest.mark.parametrize(
    ("instruction", "message"),
    [
        ("", "instruction is empty"),
        ("  \n", "instruction is empty"),
        ("word " * 400, "2000 characters, .* tokens; at most 512"),
        ("remove the <video> circle", "holds '<video>'"),
        ("do <|assistant|> this", "holds '<|assistant|>'".replace("|", r"\|")),
    ],
)
def test_bad_instruction_writes_nothing(tmp_path: Path, copier: Editor, instruction: str, message: str) -> None:
    source = write_fake(tmp_path / "in.mp4", 2)
    with pytest.raises(ValueError, match=message):
        copier.edit_file(EditFiles(source, tmp_path / "out.mp4"), instruction)
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_mask_without_a_colour_names_the_choices(tmp_path: Path, copier: Editor) -> None:
    source = write_fake(tmp_path / "in.mp4", 2)
    files = EditFiles(source, tmp_path / "out.mp4", tmp_path / "mask.mp4")
    with pytest.raises(ValueError, match="no fill colour; the choices are red, green"):
        copier.edit_file(files, "highlight the square")
    assert not files.output.exists()


@pytest.mark.parametrize(
    ("instruction", "message"),
    [
        ("highlight the red square", "no fill colour; the choices are red, green"),
        ("highlight it in red or blue", "names red and blue, and not which of them is the fill"),
        ("make the hockey mask yellow", "asks for visual_feature, which fills nothing; ask to highlight"),
    ],
)
def test_mask_of_a_request_without_one_fill_is_refused(
    tmp_path: Path, copier: Editor, instruction: str, message: str
) -> None:
    source = write_fake(tmp_path / "in.mp4", 2)
    with pytest.raises(ValueError, match=message) as error:
        copier.edit_file(EditFiles(source, tmp_path / "out.mp4", tmp_path / "mask.mp4"), instruction)
    assert "\n" not in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_guidance_is_that_of_the_requests_skill(monkeypatch: pytest.MonkeyPatch) -> None:
    scales = {str(skill): Guidance(float(number)) for number, skill in enumerate(Skill, start=2)}
    module = tiny_module(video=True, guidance={**scales, "default": Guidance(99.0)})
    seen: list[Guidance] = []

    def note(source, instruction, guidance, *rest):
        seen.append(guidance)
        return source

    monkeypatch.setattr(module, "edit", note)
    clip = torch.zeros(1, 3, 16, 16)
    for instruction in ("Mark the dog in red.", "Which is red? Mark it in blue.", "make the mask yellow", "hmm"):
        Editor(module).edit_clip(clip, instruction)
    Editor(module, guidance_source=1.5).edit_clip(clip, "remove the dog")
    assert seen == [
        scales["grounding"],
        scales["reasoning"],
        scales["visual_feature"],
        Guidance(99.0),
        Guidance(scales["removal"].task, 1.5),
    ]


def test_failure_midway_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tiny_module(video=True, num_steps=2)
    calls = []
    monkeypatch.setattr(module, "edit", lambda source, *rest: calls.append(1) or (source if len(calls) < 3 else 1 / 0))
    files = EditFiles(write_fake(tmp_path / "in.mp4", 30), tmp_path / "out.mp4")
    with pytest.raises(ZeroDivisionError):
        Editor(module, long=LongClips("independent")).edit_file(files, "remove it")
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_source_is_never_overwritten(tmp_path: Path, copier: Editor) -> None:
    source = write_fake(tmp_path / "in.mp4", 2)
    with pytest.raises(UseError, match="is the source itself"):
        copier.edit_file(EditFiles(source, tmp_path / "." / "in.mp4"), "remove it")


def test_output_names() -> None:
    assert output_name(Path("a/b.mov"), Path("out")) == Path("out/b.mp4")
    assert output_name(Path("a/b.JPG"), Path("out")) == Path("out/b.JPG")


def test_guidance_that_was_never_trained_is_refused() -> None:
    module = tiny_module(video=True, drop_both=0.0)
    Editor(module, guidance_task=3.0)
    with pytest.raises(ValueError, match=r"source scale 2 cannot work.*drop_both: 0"):
        Editor(module, guidance_source=2.0)
    with pytest.raises(ValueError, match=r"guidance for removal: task scale 2 .*drop_task: 0"):
        tiny_module(drop_task=0.0, guidance={"removal": Guidance(2.0, 1.0)})
