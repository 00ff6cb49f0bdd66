"""The parts of the model: plain modules that know nothing of Lightning and nothing of each other."""

from veggie_pl.models.aligner import Aligner
from veggie_pl.models.bridges import BlindMllm, DiscreteMllm
from veggie_pl.models.codec import Codec, KlCodec, PixelCodec
from veggie_pl.models.denoiser import Denoiser
from veggie_pl.models.dit import WanDenoiser
from veggie_pl.models.mllm import Mllm
from veggie_pl.models.queries import TaskQueries
from veggie_pl.models.viddm import VidDM

__all__ = [
    "Aligner",
    "BlindMllm",
    "Codec",
    "Denoiser",
    "DiscreteMllm",
    "KlCodec",
    "Mllm",
    "PixelCodec",
    "TaskQueries",
    "VidDM",
    "WanDenoiser",
]
