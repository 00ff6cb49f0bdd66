"""A thin layer over diffusers' schedulers, which own betas, ``add_noise`` and ``step``."""
