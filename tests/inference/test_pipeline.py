"""The pipeline of diffusers: three lines, and the same pixels as `edit`."""

import json
from pathlib import Path

import cv2
import diffusers
import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler
from PIL import Image
from support.fake import pattern
from support.parts import randomise_output, tiny_module

from veggie_pl import VeggiePipeline
from veggie_pl.cli import main
from veggie_pl.diffusion.guidance import Guidance
from veggie_pl.inference.editor import Editor
from veggie_pl.inference.quick import Quick
from veggie_pl.inference.which_model import find_model
from veggie_pl.model_folder import load_model, save_model
from veggie_pl.video.clip import resize, to_clip, to_frames

SHIPPED = find_model(["weights/nano/model"])


def frames(count: int, height: int = 20, width: int = 28) -> np.ndarray:
    return pattern(count, width, height)


@pytest.fixture(params=[False, True], ids=["image", "video"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    module = tiny_module(request.param, guidance={"default": Guidance(2.0)}, num_steps=3)
    randomise_output(module)
    save_model(module, tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.parametrize(("task", "source"), [(None, None), (1.0, 1.0), (3.0, 1.5)])
@pytest.mark.parametrize("with_reference", [False, True])
def test_equals_edit_bit_for_bit(folder: Path, task: float | None, source: float | None, with_reference: bool) -> None:
    video = frames(11)  # two windows
    picture = Image.fromarray(frames(1)[0][:, ::-1].copy())
    editor = Editor(load_model(folder), task, source, num_steps=2, seed=5)
    pipe = VeggiePipeline.from_pretrained(folder)
    pipe.set_progress_bar_config(disable=True)
    shown = None
    if with_reference:
        shown = resize(to_clip(np.asarray(picture)[None]), *editor.module.size)
    expected = to_frames(editor.edit_frames(video, "remove the red circle", shown))
    found = pipe(
        [Image.fromarray(frame) for frame in video],
        "remove the red circle",
        num_inference_steps=2,
        guidance_scale=task,
        image_guidance_scale=source,
        generator=torch.Generator().manual_seed(5),
        references=[picture] if with_reference else [],
    ).frames[0]
    assert np.array_equal(np.stack([np.asarray(frame) for frame in found]), expected)
    assert not np.array_equal(expected, video)


def test_equals_the_command_line_with_the_shipped_weights(tmp_path: Path) -> None:
    picture = cv2.resize(pattern(1, 64, 64)[0], (32, 32))
    cv2.imwrite(str(tmp_path / "in.png"), picture[..., ::-1])
    main(["edit", str(tmp_path / "in.png"), "make it night", "-o", str(tmp_path / "out.png"), "--model", str(SHIPPED)])
    pipe = VeggiePipeline.from_pretrained(SHIPPED)
    found = np.asarray(pipe(Image.fromarray(picture), "make it night").frames[0][0])
    assert np.array_equal(found, cv2.imread(str(tmp_path / "out.png"))[..., ::-1])


def test_a_quick_one_equals_the_command_line(folder: Path, tmp_path: Path) -> None:
    picture = pattern(1, 16, 16)[0]
    cv2.imwrite(str(tmp_path / "in.png"), picture[..., ::-1])
    command = ["edit", str(tmp_path / "in.png"), "make it night", "-o", str(tmp_path / "out.png"), "--steps", "5"]
    main([*command, "--model", str(folder), "--solver", "UniPCMultistepScheduler", "--reuse", "2", "--half"])
    quick = Quick(solver="UniPCMultistepScheduler", reuse=2, half=True)
    pipe = VeggiePipeline.from_pretrained(folder).quicken(quick)
    found = np.asarray(pipe(Image.fromarray(picture), "make it night", num_inference_steps=5).frames[0][0])
    assert np.array_equal(found, cv2.imread(str(tmp_path / "out.png"))[..., ::-1])
    plain = VeggiePipeline.from_pretrained(folder)(Image.fromarray(picture), "make it night", num_inference_steps=5)
    assert not np.array_equal(found, np.asarray(plain.frames[0][0]))


def test_saved_again_it_is_the_same_folder(folder: Path, tmp_path: Path) -> None:
    VeggiePipeline.from_pretrained(folder).save_pretrained(tmp_path / "again")
    names = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert names == sorted(p.relative_to(tmp_path / "again") for p in (tmp_path / "again").rglob("*") if p.is_file())
    for name in names:
        assert (folder / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name


def test_index_names_every_part_and_classes_that_exist(folder: Path) -> None:
    index = json.loads((folder / "model_index.json").read_text())
    assert index.pop("_class_name") == "VeggiePipeline"
    assert index.pop("_diffusers_version") == diffusers.__version__
    assert set(index) == set(VeggiePipeline.from_pretrained(folder).components)
    for name, (library, kind) in index.items():
        assert (folder / name).is_dir()
        assert hasattr(__import__(library, fromlist=[kind]), kind)
    DDIMScheduler.from_pretrained(folder, subfolder="scheduler")  # as diffusers alone reads it


def test_another_scheduler_is_taken(folder: Path) -> None:
    pipe = VeggiePipeline.from_pretrained(folder)
    pipe.set_progress_bar_config(disable=True)
    before = pipe(frames(2), "make it night", 4, output_type="np").frames[0]
    pipe.scheduler = DPMSolverMultistepScheduler.from_config(pipe.scheduler.config)
    after = pipe(frames(2), "make it night", 4, output_type="np").frames[0]
    assert before.shape == after.shape == (2, 20, 28, 3)
    assert not np.array_equal(before, after)


def test_kinds_of_output_agree(folder: Path) -> None:
    pipe = VeggiePipeline.from_pretrained(folder)
    pipe.set_progress_bar_config(disable=True)
    pil, array, tensor = (pipe(frames(3), "make it night", output_type=kind).frames[0] for kind in ("pil", "np", "pt"))
    assert tensor.shape == (3, 3, 20, 28)
    assert np.array_equal(tensor.permute(0, 2, 3, 1).numpy(), array)
    assert np.abs(np.stack([np.asarray(p) for p in pil]) / 255 - array).max() <= 0.5 / 255 + 1e-6


def test_every_step_of_every_window_is_told(folder: Path) -> None:
    pipe = VeggiePipeline.from_pretrained(folder)
    pipe.set_progress_bar_config(disable=True)
    told = []
    pipe(frames(11), "make it night", 3, callback_on_step_end=lambda _, step, at, kwargs: told.append((step, int(at))))
    pipe.scheduler.set_timesteps(3)
    assert sorted(told) == sorted(2 * list(enumerate(pipe.scheduler.timesteps.tolist())))


def test_moves_with_its_parts(folder: Path) -> None:
    pipe = VeggiePipeline.from_pretrained(folder).to("meta")
    assert {p.device.type for p in pipe.module.parameters()} == {"meta"}
    assert pipe.module.device.type == "meta"


@pytest.mark.parametrize(
    ("video", "message"),
    [([], "at least one"), (np.zeros((2, 4, 4, 3)), "uint8"), (np.zeros((4, 4, 3), np.uint8), r"\(4, 4, 3\)")],
)
def test_what_is_no_video_is_an_error(folder: Path, video: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VeggiePipeline.from_pretrained(folder)(video, "make it night")
    with pytest.raises(ValueError, match="output_type"):
        VeggiePipeline.from_pretrained(folder)(frames(1), "make it night", output_type="latent")
