"""Which folders a method without training stands on, and which not."""

from pathlib import Path

import pytest
from support.command_line import error_of
from support.image_models import own_folder

from veggie_pl.errors import UseError
from veggie_pl.methods.image_model import ImageModel, read_image_model
from veggie_pl.methods.own_model import OwnImageModel
from veggie_pl.methods.stable_diffusion import StableDiffusion


def test_folders_tell_what_they_hold(own: str, pix2pix: str) -> None:
    for folder, kind in ((own, OwnImageModel), (pix2pix, StableDiffusion)):
        model = read_image_model(folder)
        assert isinstance(model, kind)
        assert isinstance(model, ImageModel)
        assert model.sees_source


def test_folder_of_nothing_is_an_error_of_the_command(tmp_path: Path) -> None:
    said = error_of(["test", "--model.method", "veggie_pl.methods.VidToMe", "--model.method.folder", str(tmp_path)])
    assert f"no image model at '{tmp_path}': it has neither veggie.json, as ours do, nor diffusers' model_index" in said


def test_video_model_is_an_error_that_names_the_image_model(tmp_path: Path) -> None:
    folder = own_folder(tmp_path / "video", video=True)
    with pytest.raises(UseError, match=r"is a video model; .* such as weights/nano/stage1"):
        read_image_model(folder)
