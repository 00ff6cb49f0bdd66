"""Our own image models under methods without training."""

from pathlib import Path

import pytest
from support.image_models import own_folder

from veggie_pl.diffusion.guidance import Guidance
from veggie_pl.errors import UseError
from veggie_pl.methods import FrameByFrame
from veggie_pl.methods.own_model import OwnImageModel
from veggie_pl.methods.training_free import Sampling


def test_folder_brings_its_settings(own: str, tmp_path: Path) -> None:
    model = OwnImageModel(own)
    assert model.drops_source
    assert model.num_steps == 2
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_guidance_that_training_made_impossible_is_an_error_of_use(tmp_path: Path) -> None:
    folder = own_folder(tmp_path / "model", drop_source=0.0, drop_both=0.0)
    assert not OwnImageModel(folder).drops_source
    with pytest.raises(UseError, match="guidance for addition: source scale 2 cannot work"):
        FrameByFrame(folder, Sampling(guidance={"addition": Guidance(1.0, 2.0)}))
