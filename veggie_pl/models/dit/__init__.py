"""Diffusion transformers of diffusers, unchanged, as denoisers."""

from veggie_pl.models.dit.base import TransformerDenoiser
from veggie_pl.models.dit.cogvideox import CogVideoXDenoiser
from veggie_pl.models.dit.flux import FluxDenoiser
from veggie_pl.models.dit.ltx import LtxDenoiser
from veggie_pl.models.dit.sd3 import Sd3Denoiser
from veggie_pl.models.dit.wan import PlacedWanDenoiser, WanDenoiser
from veggie_pl.models.dit.wan_vace import WanVaceDenoiser

__all__ = [
    "CogVideoXDenoiser",
    "FluxDenoiser",
    "LtxDenoiser",
    "PlacedWanDenoiser",
    "Sd3Denoiser",
    "TransformerDenoiser",
    "WanDenoiser",
    "WanVaceDenoiser",
]
