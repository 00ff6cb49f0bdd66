"""The seams around the video diffusion model and the codec: what they are asked, and what does not fit."""

import pytest
import torch
from diffusers import UNet2DConditionModel
from support.parts import TEMPORAL, UNET, tiny_module
from torch import Tensor, nn

from veggie_pl.errors import UseError
from veggie_pl.models import Codec, Denoiser, KlCodec, PixelCodec, VidDM
from veggie_pl.models.fit import padded


class EveryFourth(PixelCodec):
    """Compresses time as video autoencoders do: one latent frame for the first frame, then one for every four."""

    def frames_taken(self, num_frames: int) -> int:
        return (num_frames - 1) // 4 * 4 + 1

    def latent_shape(self, num_frames: int, height: int, width: int) -> tuple[int, int, int, int]:
        if num_frames != self.frames_taken(num_frames):
            raise UseError(f"takes 4 k + 1 frames, not {num_frames}")
        return 1 + (num_frames - 1) // 4, *super().latent_shape(1, height, width)[1:]

    def encode_source(self, clips: Tensor) -> Tensor:
        return super().encode_source(clips)[:, ::4]

    def encode_target(self, clips: Tensor, generators: list[torch.Generator]) -> Tensor:
        return super().encode_target(clips, generators)[:, ::4]

    def decode(self, latents: Tensor) -> Tensor:
        every = torch.cat([latents[:, :1], latents[:, 1:].repeat_interleave(4, 1)], 1)
        return super().decode(every)


class FirstFrames(VidDM):
    """A denoiser that has fewer latent frames than there are frames, and takes the first frame's tokens for all."""

    reads_frames = False
    sees_references = False

    def forward(self, noisy: Tensor, source: Tensor, timestep: Tensor, tokens: Tensor) -> Tensor:
        return super().forward(noisy, source, timestep, tokens[:, : noisy.shape[1]])


def compressing(denoiser: type[VidDM] = FirstFrames) -> nn.Module:
    module = tiny_module(video=True)
    parts = {name: getattr(module, name) for name in ("mllm", "queries", "aligner")}
    viddm = denoiser(UNET, TEMPORAL, True, pool_task=True)
    return type(module)(**parts, viddm=viddm, vae=EveryFourth(4), scheduler=module.objective.scheduler, num_steps=2)


def test_parts_are_what_the_protocols_say() -> None:
    assert isinstance(VidDM(UNET), Denoiser)
    assert isinstance(PixelCodec(), Codec)
    assert isinstance(KlCodec(None, {**KL, "latent_channels": 4}), Codec)


KL = {
    "block_out_channels": [8, 8],
    "down_block_types": ["DownEncoderBlock2D"] * 2,
    "up_block_types": ["UpDecoderBlock2D"] * 2,
    "norm_num_groups": 4,
    "latent_channels": 4,
}


@pytest.mark.parametrize("codec", [PixelCodec(4), KlCodec(None, KL)])
def test_latents_of_rectangles_have_the_shape_that_was_told(codec: Codec) -> None:
    clips = torch.zeros(1, 3, 3, 16, 32)
    latents = codec.encode_target(clips, [torch.Generator()])
    assert latents.shape[1:] == codec.latent_shape(3, 16, 32)
    assert codec.decode(latents).shape == clips.shape
    assert codec.pixel_size(*latents.shape[-2:]) == (16, 32)


def test_size_between_cells_is_an_error_with_the_nearest() -> None:
    with pytest.raises(UseError, match=r"multiples of 4, not 18 x 32 with 3 frames; the nearest are 16 x 32"):
        PixelCodec(4).latent_shape(3, 18, 32)


def test_unet_answers_for_two_numbers_as_for_one() -> None:
    assert VidDM(UNET).latent_size == (4, 4)
    wide = VidDM({**UNET, "sample_size": [4, 8]})
    assert wide.latent_size == (4, 8)
    assert wide.channels == 48
    assert wide.pooled_width == 0
    assert VidDM(UNET, pool_task=True).pooled_width == UNET["time_cond_proj_dim"]


def test_temporal_layers_are_those_that_the_image_model_lacks() -> None:
    image = set(VidDM(UNET).state_dict())
    video = VidDM(UNET, TEMPORAL, True)
    temporal = {name for name in video.state_dict() if video.layer_kind(name) == "temporal"}
    assert temporal == set(video.state_dict()) - image
    assert temporal


def test_codec_that_compresses_time_needs_another_denoiser() -> None:
    with pytest.raises(UseError, match="FirstFramesToo has task tokens for every frame, but EveryFourth compresses"):
        compressing(type("FirstFramesToo", (VidDM,), {}))


@pytest.mark.parametrize("num_frames", [1, 3, 5])
def test_clips_of_any_length_come_back_as_long(num_frames: int) -> None:
    module = compressing()
    clip = torch.rand(1, num_frames, 3, 16, 16) * 2 - 1
    edited = module.eval().edit(clip, ["remove it"], module.guidance["removal"], [("edit", 0)])
    assert edited.shape == clip.shape


def test_the_last_frame_is_repeated_for_codecs_that_need_more() -> None:
    clip = torch.rand(1, 6, 3, 4, 4)
    longer = padded(clip, EveryFourth(4))
    assert longer.shape[1] == 9
    assert torch.equal(longer[:, :6], clip)
    assert torch.equal(longer[:, 6:], clip[:, 5:].expand(-1, 3, -1, -1, -1))
    assert padded(clip, PixelCodec(4)) is clip


def test_part_that_is_none_is_an_error_with_what_it_lacks() -> None:
    module = tiny_module()
    parts = {name: getattr(module, name) for name in ("mllm", "queries", "aligner", "vae")}
    with pytest.raises(UseError, match=r"viddm is a UNet2DConditionModel, which is no Denoiser: it lacks add_source"):
        type(module)(**parts, viddm=UNet2DConditionModel.from_config(UNET), scheduler=module.objective.scheduler)
