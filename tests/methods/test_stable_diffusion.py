"""Folders of diffusers edit frames as diffusers' own pipeline does."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL, StableDiffusionInstructPix2PixPipeline
from support.checkpoints import SD_VAE
from support.parts import make_batch

from veggie_pl.diffusion.guidance import Guidance
from veggie_pl.errors import UseError
from veggie_pl.methods import FrameByFrame
from veggie_pl.methods.image_model import ImageModel
from veggie_pl.methods.stable_diffusion import StableDiffusion
from veggie_pl.methods.training_free import Sampling
from veggie_pl.seeding import torch_rng


def test_frames_are_those_of_diffusers_pipeline(pix2pix: str) -> None:
    batch = make_batch(2, 3, pixels=16)
    edited = FrameByFrame(pix2pix, Sampling(num_steps=4)).edit_batch(batch)
    pipe = StableDiffusionInstructPix2PixPipeline.from_pretrained(
        pix2pix, safety_checker=None, requires_safety_checker=False, low_cpu_mem_usage=False
    )
    pipe.set_progress_bar_config(disable=True)
    assert isinstance(pipe, StableDiffusionInstructPix2PixPipeline)
    for row, key in enumerate(batch.key):
        noise = torch.randn(3, 4, 8, 8, generator=torch_rng(0, "edit", key))
        for frame in range(3):
            theirs = pipe(
                batch.instruction[row],
                image=(batch.source[row, frame][None] + 1) / 2,
                latents=noise[frame][None],
                num_inference_steps=4,
                guidance_scale=7.5,
                image_guidance_scale=1.5,
                output_type="pt",
            ).images[0]
            assert (theirs * 2 - 1 - edited[row, frame]).abs().max() < 1e-5


def test_words_that_are_the_same_for_every_frame_and_sources_are_the_condition(pix2pix: str, captioned: str) -> None:
    source = make_batch(1, 2).source
    seeing, blind = StableDiffusion(pix2pix), StableDiffusion(captioned)
    assert isinstance(seeing, ImageModel)
    told = seeing.condition(source, ["make it night"])
    assert told.tokens.shape == told.null.shape == (1, 2, 8, 24)
    assert torch.equal(told.tokens[:, 0], told.tokens[:, 1])
    assert not torch.equal(told.tokens, told.null)
    # The same codec: where the source is no input it is in the scale of latents.
    in_scale = blind.condition(source, ["make it night"]).source
    torch.testing.assert_close(in_scale, told.source * seeing.vae.vae.config.scaling_factor)


def test_model_that_sees_no_source_guides_the_task_alone(captioned: str) -> None:
    model = StableDiffusion(captioned)
    assert not model.sees_source
    assert model.guidance["default"] == Guidance(7.5, 1.0)
    with pytest.raises(UseError, match="sees no source: leave the source scale at 1, also for removal"):
        model.check_guidance({"default": Guidance(7.0, 1.0), "removal": Guidance(7.0, 2.0)})
    with pytest.raises(UseError, match="sees no source, and FrameByFrame does not bring it in by inversion"):
        FrameByFrame(captioned)


def test_folders_that_do_not_fit_are_errors_of_use(pix2pix: str, tmp_path: Path) -> None:
    def changed(name: str, **changes: object) -> str:
        folder = tmp_path / name.replace("/", "_")
        shutil.copytree(pix2pix, folder)
        path = folder / name
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))
        return str(folder)

    with pytest.raises(UseError, match="holds a FluxPipeline; the choices are StableDiffusionInstructPix2PixPipeline"):
        StableDiffusion(changed("model_index.json", _class_name="FluxPipeline"))
    with pytest.raises(UseError, match="holds a model of type 'clip', which is not a text encoder"):
        StableDiffusion(changed("text_encoder/config.json", model_type="clip"))
    other = Path(changed("scheduler/scheduler_config.json"))
    AutoencoderKL(**{**SD_VAE, "latent_channels": 3}).save_pretrained(other / "vae")
    with pytest.raises(UseError, match="its UNet takes 8 channels; the choices are 3 and 6"):
        StableDiffusion(str(other))
    shutil.rmtree(other / "tokenizer")
    shutil.copytree(Path(pix2pix, "vae"), other / "vae", dirs_exist_ok=True)
    with pytest.raises(UseError, match="tokenizer holds no tokenizer"):
        StableDiffusion(str(other))
