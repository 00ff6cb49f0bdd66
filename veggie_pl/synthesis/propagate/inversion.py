"""I2VGen-XL by hand: what its denoiser is told, a video inverted to noise, and another one sampled along with it."""

from typing import Any

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from veggie_pl.diffusion.inversion import Schedules, invert_latents
from veggie_pl.models.injection import Injection

Latents = Float[Tensor, "_b 4 f h w"]
Told = dict[str, Tensor]  # arguments of the denoiser, one row each: text, picture, first frame's latents, fps


def told(pipe: Any, device: torch.device, prompt: str, first: Image.Image, num_frames: int, fps: int) -> Told:
    """Return what the denoiser is told besides latents, as diffusers' pipeline makes it.

    Args:
        pipe: An ``I2VGenXLPipeline``.
        device: That it runs on.
        prompt: May be empty.
        first: The first frame, in working size.
        num_frames: Of the video.
        fps: Of the video.
    """
    latent = encode(pipe, device, [first])
    # Later frames have no picture; each is told its place in the video instead.
    places = torch.arange(1, num_frames, device=device) / (num_frames - 1)
    later = places.view(1, 1, -1, 1, 1).expand(*latent.shape[:2], -1, *latent.shape[3:])
    return {
        "encoder_hidden_states": _read(pipe, device, prompt),
        "image_embeddings": _see(pipe, device, first),
        "image_latents": torch.cat([latent, later], dim=2).to(pipe.unet.dtype),
        "fps": torch.tensor([fps], device=device),
    }


def unconditional(pipe: Any, device: torch.device, negative: str, asked: Told) -> Told:
    """Return the unconditional row of the pipeline: another prompt, no picture seen, and the same first frame."""
    nothing = torch.zeros_like(asked["image_embeddings"])
    return asked | {"encoder_hidden_states": _read(pipe, device, negative), "image_embeddings": nothing}


def _read(pipe: Any, device: torch.device, prompt: str) -> Float[Tensor, "1 words d"]:
    """Read a prompt without the text encoder's last layer; the pipeline's own way does not know transformers 5."""
    length = pipe.tokenizer.model_max_length
    words = pipe.tokenizer(prompt, padding="max_length", max_length=length, truncation=True, return_tensors="pt")
    hidden = pipe.text_encoder(words.input_ids.to(device), output_hidden_states=True).hidden_states[-2]
    found = getattr(pipe.text_encoder, "text_model", pipe.text_encoder).final_layer_norm(hidden)
    return found.to(pipe.unet.dtype)  # type: ignore[no-any-return]


def _see(pipe: Any, device: torch.device, picture: Image.Image) -> Float[Tensor, "1 1 d"]:
    """Look at the middle of a picture."""
    from diffusers.pipelines.deprecated.i2vgen_xl import pipeline_i2vgen_xl as own  # heavy, and loaded by now

    edge = pipe.feature_extractor.crop_size
    square = own._center_crop_wide(picture, (picture.width, picture.width))
    small = own._resize_bilinear(square, (edge["width"], edge["height"]))
    seen = pipe.feature_extractor(images=small, do_center_crop=False, do_resize=False, return_tensors="pt")
    pixels = seen.pixel_values.to(device, pipe.image_encoder.dtype)
    return pipe.image_encoder(pixels).image_embeds[:, None]  # type: ignore[no-any-return]


def encode(pipe: Any, device: torch.device, pictures: list[Image.Image]) -> Latents:
    """Encode frames one by one, in float32; the posterior's mode, so that there is no chance in it."""
    pixels = [pipe.video_processor.preprocess(picture).to(device, pipe.vae.dtype) for picture in pictures]
    latents = [pipe.vae.encode(one).latent_dist.mode() for one in pixels]
    return (torch.stack(latents, dim=2) * float(pipe.vae.config.scaling_factor)).float()


def predict(pipe: Any, latents: Latents, timestep: Tensor, asked: Told) -> Latents:
    """Ask the denoiser, in its own precision; latents stay in float32, where small steps do not get lost."""
    made = pipe.unet(latents.to(pipe.unet.dtype), timestep, **asked, return_dict=False)[0]
    return made.float()  # type: ignore[no-any-return]


def invert(pipe: Any, schedules: Schedules, latents: Latents, asked: Told, start: int) -> dict[int, Latents]:
    """Take a video back to noise, without guidance; see ``invert_latents``.

    Args:
        pipe: An ``I2VGenXLPipeline``.
        schedules: Of both ways.
        latents: Of the video.
        asked: What the denoiser is told.
        start: The step that sampling starts at.

    Returns:
        The latents by timestep, for the steps of sampling from there on.
    """
    return invert_latents(lambda noisy, timestep: predict(pipe, noisy, timestep, asked), schedules, latents, start)


def sample(
    pipe: Any, schedules: Schedules, passed: dict[int, Latents], rows: list[Told], guidance: float, injection: Injection
) -> Latents:
    r"""Sample a video from where another one was inverted to, and copy features of that one on the way.

    .. math:: \tilde\epsilon = \epsilon_\varnothing + g (\epsilon_c - \epsilon_\varnothing)

    Classifier-free guidance (arXiv:2207.12598). The source's row replays the inverted latents; of it, only features
    count.

    Args:
        pipe: An ``I2VGenXLPipeline``.
        schedules: Of both ways.
        passed: Latents of the inverted video by timestep; sampling starts at the noisiest.
        rows: What the denoiser is told for the inverted video, without condition, and for the new one.
        guidance: :math:`g`; 1 is off.
        injection: What is copied.
    """
    asked = {name: torch.cat([row[name] for row in rows]) for name in rows[0]}
    steps, latents = len(schedules.forward.timesteps), passed[max(passed)]
    for step, timestep in enumerate(schedules.forward.timesteps):
        if int(timestep) not in passed:
            continue
        together = torch.cat([passed[int(timestep)], latents, latents])
        with injection.at(pipe.unet, step, steps, len(rows)):
            _, none, full = predict(pipe, together, timestep, asked).chunk(3)
        latents = schedules.forward.step(none + guidance * (full - none), timestep, latents).prev_sample
    return latents
