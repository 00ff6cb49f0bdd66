"""Our own image models under methods without training."""

from pathlib import Path

import pytest
import torch
from support.image_models import own_folder

from veggie_pl.diffusion.guidance import Guidance
from veggie_pl.errors import UseError
from veggie_pl.methods import FrameByFrame
from veggie_pl.methods.own_model import OwnImageModel
from veggie_pl.methods.training_free import Sampling, Task


def test_folder_brings_its_settings(own: str, tmp_path: Path) -> None:
    model = OwnImageModel(own)
    assert model.drops_source
    assert model.num_steps == 2
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_a_clip_longer_than_the_queries_is_read_in_pieces(own: str) -> None:
    model = OwnImageModel(own)
    most = model.model.queries.max_frames
    clip = torch.rand(1, 2 * most + 1, 3, *model.model.size, generator=torch.Generator().manual_seed(0)) * 2 - 1
    whole = model.condition(clip, ["make it night"])
    assert whole.tokens.shape[:2] == whole.null.shape[:2] == whole.source.shape[:2] == (1, 2 * most + 1)
    for start in (0, most, 2 * most):
        piece = model.model.condition(clip[:, start : start + most], ["make it night"])
        for name in ("tokens", "null", "source"):
            part = getattr(whole, name)[:, start : start + most]
            torch.testing.assert_close(part, getattr(piece, name))
    assert FrameByFrame(own).edit(Task(clip, "make it night", "", Guidance(1.0), "key")).shape == clip.shape


def test_guidance_that_training_made_impossible_is_an_error_of_use(tmp_path: Path) -> None:
    folder = own_folder(tmp_path / "model", drop_source=0.0, drop_both=0.0)
    assert not OwnImageModel(folder).drops_source
    with pytest.raises(UseError, match="guidance for addition: source scale 2 cannot work"):
        FrameByFrame(folder, Sampling(guidance={"addition": Guidance(1.0, 2.0)}))
