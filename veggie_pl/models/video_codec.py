"""Codecs of video models, which compress time as well: diffusers' own autoencoders, frozen."""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, ClassVar

import diffusers
import torch
from jaxtyping import Float
from torch import Tensor, nn

from veggie_pl.batch import ClipNames
from veggie_pl.errors import UseError
from veggie_pl.models.checkpoints import read_part
from veggie_pl.models.codec import MOST_PIXELS, Latents, Pixels


class VideoCodec(nn.Module):
    """What they share: one latent frame for the first frame, so that an image is a clip of one, then one for ``every``.

    Both source and target are the *mode* of the posterior, in the scale that the video model was trained with: nothing
    is drawn. What comes out is float32, whatever precision it ran in. A clip is decoded at a time.

    Args:
        folder: A ``vae`` folder of diffusers, or a pipeline folder that has one. None starts at random.
        config: Configuration of the library's class, where there is no folder; None is the library's own default.
        tiling: Cut large frames into overlapping tiles: less memory, and slightly other values.

    Raises:
        UseError: If there is no such folder, or it holds another class, or not what its config says.
    """

    kind: ClassVar[str]  # class of diffusers
    every: int  # frames that a latent frame stands for, the first one aside
    step: int  # frames by which clips may grow
    factor: int  # pixels per latent cell, along one side
    channels: int

    def __init__(self, folder: str | None, config: dict[str, Any] | None = None, tiling: bool = False) -> None:
        super().__init__()
        library = getattr(diffusers, self.kind)
        self.vae: Any = library.from_config(config or {}) if folder is None else read_part(library, _place(folder))
        self.origin = folder  # which holds the weights
        self.options: dict[str, Any] = {"tiling": tiling}  # which its folder does not hold
        if tiling:
            self.vae.enable_tiling()

    def frames_taken(self, num_frames: int) -> int:
        """Give the greatest number up to ``num_frames`` that comes back as it was: a multiple of ``step``, plus 1."""
        return max(0, (num_frames - 1) // self.step * self.step + 1)

    def latent_shape(self, num_frames: int, height: int, width: int) -> tuple[int, int, int, int]:
        """Count latent frames and cells.

        Raises:
            UseError: If the frames are no multiple of ``step`` plus 1, or height or width is none of ``factor``.
        """
        below = self.frames_taken(num_frames)
        if below != num_frames or height % self.factor or width % self.factor or not (num_frames and height and width):
            counts = {below, num_frames if below == num_frames else below + self.step} - {0} or {1}
            near = [max(1, round(side / self.factor)) * self.factor for side in (height, width)]
            raise UseError(
                f"{type(self).__name__} takes clips of {self.step} k + 1 frames whose height and width are multiples "
                f"of {self.factor}, not {num_frames} frames of {height} x {width}; the nearest are "
                f"{' or '.join(map(str, sorted(counts)))} frames of {near[0]} x {near[1]}"
            )
        return 1 + (num_frames - 1) // self.every, self.channels, height // self.factor, width // self.factor

    def pixel_size(self, height: int, width: int) -> tuple[int, int]:
        """Multiply by ``factor``."""
        return height * self.factor, width * self.factor

    def encode_source(self, clips: Pixels) -> Latents:
        """Mode of the posterior, in the video model's scale.

        Raises:
            UseError: See ``latent_shape``: the library would drop frames in silence.
        """
        self.latent_shape(clips.shape[1], *clips.shape[-2:])
        pixels: Tensor = clips.to(self.vae.dtype).transpose(1, 2)  # (b, 3, f, h, w)
        at_once = max(1, MOST_PIXELS // pixels[0, 0].numel())
        with self._precision(pixels):
            parts = [self.vae.encode(part).latent_dist.mode() for part in torch.split(pixels, at_once)]
        return self.scaled(torch.cat(parts).float()).transpose(1, 2)

    def encode_target(self, clips: Pixels, generators: list[torch.Generator]) -> Latents:
        """Do the same; nothing is drawn."""
        return self.encode_source(clips)

    def encode_both(
        self, source: Pixels, target: Pixels, generators: list[torch.Generator], names: Sequence[ClipNames] = ()
    ) -> tuple[Latents, Latents]:
        """Encode both at once; nothing is kept by name."""
        one, other = self.encode_source(torch.cat([source, target])).chunk(2)
        return one, other

    def decode(self, latents: Latents) -> Pixels:
        """Pixels in [-1, 1] of latents in the video model's scale."""
        flat = self.unscaled(latents.transpose(1, 2)).to(self.vae.dtype)
        with self._precision(flat):
            pixels = torch.cat([self.decoded(part) for part in torch.split(flat, 1)])
        return pixels.float().transpose(1, 2).clamp(-1, 1)

    def decoded(self, latents: Float[Tensor, "1 c lf lh lw"]) -> Float[Tensor, "1 3 f h w"]:
        """Run the decoder."""
        return self.vae.decode(latents).sample  # type: ignore[no-any-return]

    def scaled(self, latents: Float[Tensor, "b c lf lh lw"]) -> Float[Tensor, "b c lf lh lw"]:
        """Bring the autoencoder's latents to the video model's scale."""
        raise NotImplementedError

    def unscaled(self, latents: Float[Tensor, "b c lf lh lw"]) -> Float[Tensor, "b c lf lh lw"]:
        """Do the opposite."""
        raise NotImplementedError

    def _precision(self, tensor: Tensor) -> Any:
        """Have weights of 16 bits compute in 16 bits from end to end: autocast would have norms in float32."""
        return torch.autocast(tensor.device.type, enabled=False) if tensor.dtype != torch.float32 else nullcontext()

    def save_pretrained(self, folder: str) -> None:
        """Write the diffusers folder this codec was read from."""
        self.vae.save_pretrained(folder)


class WanCodec(VideoCodec):
    """``AutoencoderKLWan`` of Wan 2.1 (16 channels, 8 x 8 pixels a cell, 4 frames) and 2.2 (48 channels, 16 x 16).

    Latents are normalised by the mean and deviation in its configuration, as diffusers' Wan pipelines do.
    """

    kind = "AutoencoderKLWan"

    def __init__(self, folder: str | None, config: dict[str, Any] | None = None, tiling: bool = False) -> None:
        super().__init__(folder, config, tiling)
        config = self.vae.config
        assert config is not None
        self.channels = int(config["z_dim"])
        self.factor = int(2 ** (len(config["dim_mult"]) - 1) * (config["patch_size"] or 1))
        self.every = self.step = int(2 ** sum(config["temperal_downsample"]))
        if self.every != 4:
            raise UseError(
                f"{folder}: {self.kind} takes 4 frames at a time, its config.json has levels for {self.every}"
            )
        self._set("mean", config["latents_mean"])
        self._set("inverse_std", config["latents_std"])
        self.inverse_std.reciprocal_()

    def _set(self, name: str, values: list[float]) -> None:
        self.register_buffer(name, torch.tensor([float(one) for one in values]).view(-1, 1, 1, 1), persistent=False)

    mean: Tensor
    inverse_std: Tensor

    def scaled(self, latents: Float[Tensor, "b c lf lh lw"]) -> Float[Tensor, "b c lf lh lw"]:
        """Normalise."""
        return (latents - self.mean) * self.inverse_std

    def unscaled(self, latents: Float[Tensor, "b c lf lh lw"]) -> Float[Tensor, "b c lf lh lw"]:
        """Do the opposite."""
        return latents / self.inverse_std + self.mean


class LtxCodec(VideoCodec):
    """``AutoencoderKLLTXVideo`` (arXiv:2501.00103): 128 channels, 32 x 32 pixels a cell, 8 frames.

    Args:
        folder: See ``VideoCodec``.
        config: See ``VideoCodec``.
        tiling: See ``VideoCodec``; also cuts long clips, for its decoder looks ahead.
        decode_timestep: Noise level that the decoder of version 0.9.1 and later is told, in [0, 1]; no noise is added.
    """

    kind = "AutoencoderKLLTXVideo"

    def __init__(
        self,
        folder: str | None,
        config: dict[str, Any] | None = None,
        tiling: bool = False,
        decode_timestep: float = 0.0,
    ) -> None:
        super().__init__(folder, config, tiling)
        self.vae.use_framewise_encoding = self.vae.use_framewise_decoding = tiling
        self.decode_timestep = self.options["decode_timestep"] = decode_timestep
        self.channels = int(self.vae.config.latent_channels)
        self.factor = int(self.vae.spatial_compression_ratio)
        self.every = self.step = int(self.vae.temporal_compression_ratio)

    def scaled(self, latents: Float[Tensor, "b c lf lh lw"]) -> Float[Tensor, "b c lf lh lw"]:
        """Normalise by the statistics among its weights, as diffusers' LTX pipelines do."""
        mean, std = self._statistics()
        return (latents - mean) * self.vae.config.scaling_factor / std  # type: ignore[no-any-return]

    def unscaled(self, latents: Float[Tensor, "b c lf lh lw"]) -> Float[Tensor, "b c lf lh lw"]:
        """Do the opposite."""
        mean, std = self._statistics()
        return latents * std / self.vae.config.scaling_factor + mean  # type: ignore[no-any-return]

    def decoded(self, latents: Float[Tensor, "1 c lf lh lw"]) -> Float[Tensor, "1 3 f h w"]:
        """Run the decoder; the noise that some versions add inside is the same every time."""
        told = latents.new_full((1,), self.decode_timestep) if self.vae.config.timestep_conditioning else None
        devices = [latents.device] if latents.device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            torch.manual_seed(0)
            return self.vae.decode(latents, told).sample  # type: ignore[no-any-return]

    def _statistics(self) -> tuple[Tensor, Tensor]:
        return self.vae.latents_mean.float().view(-1, 1, 1, 1), self.vae.latents_std.float().view(-1, 1, 1, 1)


class CogVideoXCodec(VideoCodec):
    """``AutoencoderKLCogVideoX`` (arXiv:2408.06072): 16 channels, 8 x 8 pixels a cell, 4 frames.

    It works through pairs of latent frames, and takes the first for a picture only where their number is odd: clips
    have 8 k + 1 frames.
    """

    kind = "AutoencoderKLCogVideoX"

    def __init__(self, folder: str | None, config: dict[str, Any] | None = None, tiling: bool = False) -> None:
        super().__init__(folder, config, tiling)
        self.channels = int(self.vae.config.latent_channels)
        self.factor = int(2 ** (len(self.vae.config.block_out_channels) - 1))
        self.every = int(self.vae.config.temporal_compression_ratio)
        self.step = 2 * self.every

    def scaled(self, latents: Float[Tensor, "b c lf lh lw"]) -> Float[Tensor, "b c lf lh lw"]:
        """Multiply by its one factor, as diffusers' pipelines do."""
        return latents * self.vae.config.scaling_factor  # type: ignore[no-any-return]

    def unscaled(self, latents: Float[Tensor, "b c lf lh lw"]) -> Float[Tensor, "b c lf lh lw"]:
        """Divide by it."""
        return 1 / self.vae.config.scaling_factor * latents  # type: ignore[no-any-return]


VIDEO_CODECS: dict[str, type[VideoCodec]] = {kind.__name__: kind for kind in (WanCodec, LtxCodec, CogVideoXCodec)}


def _place(folder: str) -> Path:
    place = Path(folder)
    return place / "vae" if (place / "vae/config.json").is_file() else place
