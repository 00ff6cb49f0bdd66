"""Pixels <-> latents, frozen: the one place that knows the latent scale."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Any, Protocol, runtime_checkable

import diffusers
import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from jaxtyping import Float
from torch import Tensor, nn

from veggie_pl.batch import ClipNames
from veggie_pl.errors import UseError
from veggie_pl.host import draw_normal, send
from veggie_pl.models.cache import TensorCache, settings_of
from veggie_pl.models.checkpoints import read_vae

SD_VAE = {
    "block_out_channels": [128, 256, 512, 512],
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "layers_per_block": 2,
    "latent_channels": 4,
    "sample_size": 512,
    "scaling_factor": 0.18215,
}
MOST_PIXELS = 32 * 512 * 512  # encoded at once: more are no faster, and each 32 frames of 512 x 512 take 13 GB
Pixels = Float[Tensor, "b f 3 h w"]
Latents = Float[Tensor, "b lf c lh lw"]  # as many frames as the clip, or fewer


@runtime_checkable
class Codec(Protocol):
    """What the module needs of a pixel-latent codec."""

    channels: int  # c

    def latent_shape(self, num_frames: int, height: int, width: int) -> tuple[int, int, int, int]:
        """Shape (frames, channels, height, width) of the latents of a clip of this shape.

        Raises:
            UseError: If it does not take such clips whole; the message names the nearest that it takes.
        """
        ...

    def pixel_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of a clip whose latents have this many cells."""
        ...

    def frames_taken(self, num_frames: int) -> int:
        """Give the greatest number of frames up to ``num_frames`` that come back as many as they were; 0 for none.

        Codecs that compress time take 4 k + 1, and would silently give back 5 of 8.
        """
        ...

    def encode_source(self, clips: Pixels) -> Latents:
        """Latents of a source, as the UNet's extra input channels."""
        ...

    def encode_target(self, clips: Pixels, generators: list[torch.Generator]) -> Latents:
        """Latents to be noised; a codec that samples draws with one generator per clip."""
        ...

    def encode_both(
        self, source: Pixels, target: Pixels, generators: list[torch.Generator], names: Sequence[ClipNames] = ()
    ) -> tuple[Latents, Latents]:
        """What the two above give, for clips of one shape; a codec with a cache knows them by their names."""
        ...

    def decode(self, latents: Latents) -> Pixels:
        """Pixels in [-1, 1] of latents in the target's scale."""
        ...


class FrameCodec:
    """What codecs share that take one frame at a time, each into a grid of cells ``factor`` pixels wide."""

    channels: int
    factor: int  # pixels per latent cell, along one side

    def latent_shape(self, num_frames: int, height: int, width: int) -> tuple[int, int, int, int]:
        """Count cells.

        Raises:
            UseError: If height or width is no multiple of ``factor``.
        """
        if height % self.factor or width % self.factor or not (num_frames and height and width):
            nearest = [max(1, round(side / self.factor)) * self.factor for side in (height, width)]
            raise UseError(
                f"{type(self).__name__} takes clips whose height and width are multiples of {self.factor}, not "
                f"{height} x {width} with {num_frames} frames; the nearest are {nearest[0]} x {nearest[1]}"
            )
        return num_frames, self.channels, height // self.factor, width // self.factor

    def pixel_size(self, height: int, width: int) -> tuple[int, int]:
        """Multiply by ``factor``."""
        return height * self.factor, width * self.factor

    def frames_taken(self, num_frames: int) -> int:
        """Give ``num_frames``: each frame is on its own."""
        return num_frames

    def encode_both(
        self, source: Pixels, target: Pixels, generators: list[torch.Generator], names: Sequence[ClipNames] = ()
    ) -> tuple[Latents, Latents]:
        """Encode the one, then the other."""
        codec: Any = self
        return codec.encode_source(source), codec.encode_target(target, generators)


class PixelCodec(FrameCodec, ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Lossless: each ``factor`` x ``factor`` block of pixels becomes channels. Source and target share one scale.

    At 32x32 pixels a learned autoencoder lost more than it saved (see DEVIATIONS.md).
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(self, factor: int = 4) -> None:
        super().__init__()
        self.factor = factor
        self.channels = 3 * factor**2
        self.register_buffer("anchor", torch.zeros(()), persistent=True)  # a module without state cannot be saved

    def encode_source(self, clips: Pixels) -> Latents:
        """Rearrange; the values stay in [-1, 1]."""
        return self.encode_mode(clips)

    def encode_target(self, clips: Pixels, generators: list[torch.Generator]) -> Latents:
        """Rearrange; nothing is drawn."""
        return self.encode_mode(clips)

    def encode_mode(self, clips: Pixels) -> Latents:
        """Rearrange."""  # frame by frame, as ONNX has it
        latents = F.pixel_unshuffle(clips.flatten(0, 1), self.factor)
        return latents.view(*clips.shape[:2], *latents.shape[1:])

    def decode(self, latents: Latents) -> Pixels:
        """Rearrange back and clip to the range of pixels."""
        clips = F.pixel_shuffle(latents.flatten(0, 1), self.factor).clamp(-1, 1)
        return clips.view(*latents.shape[:2], *clips.shape[1:])


DECODED = 8  # frames at a time: 5 GB at 512 x 512, however long the clip is


class KlCodec(FrameCodec, nn.Module):
    """Stable Diffusion's ``AutoencoderKL``, one frame at a time; also that of SD3 and of FLUX.

    The source is the *mode* of the posterior, the target a *sample*, ``(sample - shift_factor) * scaling_factor``. The
    source of SD1.5 is not scaled, as InstructPix2Pix (arXiv:2211.09800) has it. What comes out is float32, whatever
    precision it ran in.

    Args:
        folder: A ``vae`` folder of diffusers, a pipeline folder that has one, or one ``.safetensors`` file with the
            keys of the original Stable Diffusion code. None starts at random.
        cache: Folder that keeps mean and deviation of each clip that training encodes, by its name (``TensorCache``);
            `python -m veggie_pl cache` fills it ahead. 2 x c x 4 bytes per latent cell, 1 MB for 8 frames of 512 x 512.
            None keeps nothing.
        config: ``AutoencoderKL`` configuration, where the folder does not bring one; None is Stable Diffusion's.
        scale_source: Bring the source to the target's scale, in which it is the target without noise. None goes by the
            kind: yes for those with a ``shift_factor`` (SD3, FLUX), no for those before.

    Raises:
        ValueError: If there is no such checkpoint, or it does not fit the configuration.
    """

    def __init__(
        self,
        folder: str | None,
        config: dict[str, Any] | None = None,
        cache: str | None = None,
        scale_source: bool | None = None,
    ) -> None:
        super().__init__()
        config = config or SD_VAE
        self.vae: Any = diffusers.AutoencoderKL.from_config(config) if folder is None else read_vae(folder, config)
        self.origin = folder  # which holds the weights
        self.channels = int(self.vae.config.latent_channels)
        self.factor = int(2 ** (len(self.vae.config.block_out_channels) - 1))
        self.cache = None if cache is None else TensorCache(cache, self.vae, settings_of(self.vae.config))
        self.scale_source = self._scales_by_kind if scale_source is None else scale_source

    @property
    def _scales_by_kind(self) -> bool:
        return self.vae.config.get("shift_factor") is not None

    @property
    def options(self) -> dict[str, Any]:
        """What its folder does not say: a ``scale_source`` that is not its kind's."""
        return {} if self.scale_source == self._scales_by_kind else {"scale_source": self.scale_source}

    def encode_source(self, clips: Pixels) -> Latents:
        """Mode of the posterior, in the target's scale with ``scale_source``."""
        return self._shown(self._encode(clips)[0])

    def encode_target(self, clips: Pixels, generators: list[torch.Generator]) -> Latents:
        """Return a sample of the posterior, scaled."""
        return self._sample(*self._encode(clips), generators)

    def encode_mode(self, clips: Pixels) -> Latents:
        """Mode of the posterior, in the target's scale."""
        return self._scaled(self._encode(clips)[0])

    def encode_both(
        self, source: Pixels, target: Pixels, generators: list[torch.Generator], names: Sequence[ClipNames] = ()
    ) -> tuple[Latents, Latents]:
        """Run the encoder once for both; where there is a cache, for what it lacks."""
        called = [one.source for one in names] + [one.target for one in names]
        mean, std = self._posterior(torch.cat([source, target]), called)
        (mode, mean), std = mean.chunk(2), std.chunk(2)[1]
        return self._shown(mode), self._sample(mean, std, generators)

    def _shown(self, mode: Latents) -> Latents:
        return self._scaled(mode) if self.scale_source else mode

    def _sample(self, mean: Latents, std: Latents, generators: list[torch.Generator]) -> Latents:
        noise = draw_normal(mean.shape, generators, mean.device)
        return self._scaled(mean + std * noise)

    def _scaled(self, latents: Latents) -> Latents:
        moved = latents - self.vae.config.shift_factor if self._scales_by_kind else latents
        return moved * self.vae.config.scaling_factor  # type: ignore[no-any-return]

    def decode(self, latents: Latents) -> Pixels:
        """Decode latents in the target's scale."""
        flat = latents.flatten(0, 1) / self.vae.config.scaling_factor
        flat = flat + self.vae.config.shift_factor if self._scales_by_kind else flat
        parts = [self.vae.decode(part).sample.float() for part in flat.to(self.vae.dtype).split(DECODED)]
        pixels: Tensor = torch.cat(parts)
        return pixels.view(*latents.shape[:2], *pixels.shape[1:]).clamp(-1, 1)

    def save_pretrained(self, folder: str) -> None:
        """Write the diffusers folder this codec was read from."""
        self.vae.save_pretrained(folder)

    @classmethod
    def from_pretrained(cls, folder: str) -> "KlCodec":
        """Read a diffusers ``vae`` folder."""
        return cls(folder)

    def _posterior(self, clips: Pixels, names: Sequence[str] = ()) -> tuple[Latents, Latents]:
        """Mean and standard deviation.

        On a CPU, where many frames at once are no faster, clip by clip as for a cache: with and without one, latents
        are the same bit for bit.
        """
        if self.cache is not None and any(names):
            return self.kept(clips, names)
        if clips.device.type != "cpu":
            return self._encode(clips)
        made = [*self._apart([*clips])]
        return torch.stack([one["mean"] for one in made]), torch.stack([one["std"] for one in made])

    def kept(self, clips: Pixels, names: Sequence[str]) -> tuple[Latents, Latents]:
        """Mean and standard deviation from the cache, which then has them."""
        assert self.cache is not None
        keys = self.cache_keys(names, clips.shape[1:], clips.dtype, self.cache.precision(clips.device.type))
        found = self.cache.each(keys, lambda lacking: self._apart([clips[row] for row in lacking]))
        mean, std = (torch.stack([send(one[name], clips.device) for one in found]) for name in ("mean", "std"))
        return mean, std

    def cache_keys(self, names: Sequence[str], shape: Sequence[int], dtype: torch.dtype, precision: str) -> list[str]:
        """Keys of clips (``TensorCache.keys``)."""
        assert self.cache is not None
        return self.cache.keys(names, "posterior", shape, dtype, precision)

    def _apart(self, clips: list[Tensor]) -> Iterator[dict[str, Tensor]]:
        """Encode so that what becomes of a clip depends on nothing beside it, not even by rounding.

        Kernels are chosen by the number of frames, so it is always the same: the clip's; pictures go in twos, the last
        one of an odd number beside itself.
        """
        together = 2 if clips[0].shape[0] == 1 else 1
        for first in range(0, len(clips), together):
            part = clips[first : first + together]
            mean, std = self._encode(torch.stack((part * 2)[:together]))
            for row in range(len(part)):
                yield {"mean": mean[row], "std": std[row]}

    def _encode(self, clips: Pixels) -> tuple[Latents, Latents]:
        frames: Tensor = clips.flatten(0, 1).to(self.vae.dtype)
        at_once = max(1, MOST_PIXELS // frames[0, 0].numel())
        # Weights of 16 bits compute in 16 bits from end to end: autocast would have norms in float32.
        with torch.autocast(frames.device.type, enabled=False) if self.vae.dtype != torch.float32 else nullcontext():
            parts = [self.vae.encode(part).latent_dist for part in torch.split(frames, at_once)]
        mean, std = (torch.cat([getattr(part, name) for part in parts]).float() for name in ("mean", "std"))
        shape = (*clips.shape[:2], *mean.shape[1:])
        return mean.view(shape), std.view(shape)
