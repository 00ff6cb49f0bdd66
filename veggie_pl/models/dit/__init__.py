"""Diffusion transformers of diffusers, unchanged, as denoisers."""

from veggie_pl.models.dit.base import TransformerDenoiser
from veggie_pl.models.dit.wan import WanDenoiser

__all__ = ["TransformerDenoiser", "WanDenoiser"]
