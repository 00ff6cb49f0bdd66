from pathlib import Path
from typing import Any

import diffusers
import pytest
from diffusers import SchedulerMixin
from jsonargparse import ArgumentParser

from veggie_pl.diffusion.denoising import Denoising
from veggie_pl.diffusion.flow import FlowMatching
from veggie_pl.diffusion.process import process_of
from veggie_pl.diffusion.scheduler_folder import read_scheduler
from veggie_pl.errors import UseError

WAN = {"use_flow_sigmas": True, "prediction_type": "flow_prediction", "flow_shift": 5.0}


@pytest.mark.parametrize(
    ("scheduler", "kind"),
    [
        (diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0), FlowMatching),
        (diffusers.UniPCMultistepScheduler(**WAN), FlowMatching),
        (diffusers.CogVideoXDDIMScheduler(prediction_type="v_prediction", rescale_betas_zero_snr=True), Denoising),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_folder_names_its_scheduler(scheduler: Any, kind: type, tmp_path: Path) -> None:
    scheduler.save_pretrained(tmp_path / "pipeline/scheduler")
    for folder in (tmp_path / "pipeline", tmp_path / "pipeline/scheduler"):
        found: Any = read_scheduler(str(folder))
        assert type(found) is type(scheduler)
        assert all(found.config[key] == scheduler.config[key] for key in found.config if not key.startswith("_"))
        assert type(process_of(found)) is kind


def test_a_config_can_name_the_folder(tmp_path: Path) -> None:
    diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0).save_pretrained(tmp_path)
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--scheduler", type=SchedulerMixin)
    given = {
        "class_path": "veggie_pl.diffusion.scheduler_folder.read_scheduler",
        "init_args": {"folder": str(tmp_path)},
    }
    found: Any = parser.instantiate(parser.parse_object({"scheduler": given})).scheduler
    assert found.config.shift == 3.0


def test_what_cannot_be_read_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(UseError, match=r"holds no scheduler: there is no scheduler_config\.json"):
        read_scheduler(str(tmp_path))
    (tmp_path / "scheduler_config.json").write_text('{"_class_name": "UNet2DModel"}')
    with pytest.raises(UseError, match="'UNet2DModel' is no scheduler of diffusers"):
        read_scheduler(str(tmp_path))
    (tmp_path / "scheduler_config.json").write_text("{")
    with pytest.raises(UseError, match="is no JSON"):
        read_scheduler(str(tmp_path))
    with pytest.raises(UseError, match="CogVideoXDDIMScheduler takes the same configuration"):
        process_of(diffusers.CogVideoXDPMScheduler())
