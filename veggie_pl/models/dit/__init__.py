"""Video diffusion transformers of diffusers, unchanged, as denoisers."""

from veggie_pl.models.dit.wan import WanDenoiser

__all__ = ["WanDenoiser"]
