"""The parts of the model: plain modules that know nothing of Lightning and nothing of each other."""

from veggie_pl.models.aligner import Aligner
from veggie_pl.models.bridges import BlindMllm, DiscreteMllm
from veggie_pl.models.codec import Codec, KlCodec, PixelCodec
from veggie_pl.models.denoiser import Denoiser
from veggie_pl.models.dit import (
    CogVideoXDenoiser,
    FluxDenoiser,
    LtxDenoiser,
    PlacedWanDenoiser,
    Sd3Denoiser,
    WanDenoiser,
    WanVaceDenoiser,
)
from veggie_pl.models.mllm import Mllm
from veggie_pl.models.queries import TaskQueries
from veggie_pl.models.viddm import VidDM
from veggie_pl.models.video_codec import CogVideoXCodec, LtxCodec, WanCodec

__all__ = [
    "Aligner",
    "BlindMllm",
    "Codec",
    "CogVideoXCodec",
    "CogVideoXDenoiser",
    "Denoiser",
    "DiscreteMllm",
    "FluxDenoiser",
    "KlCodec",
    "LtxCodec",
    "LtxDenoiser",
    "Mllm",
    "PixelCodec",
    "PlacedWanDenoiser",
    "Sd3Denoiser",
    "TaskQueries",
    "VidDM",
    "WanCodec",
    "WanDenoiser",
    "WanVaceDenoiser",
]
