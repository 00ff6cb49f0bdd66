"""How much noise a clip needs: the shift of rectified flow's levels, which grows with the number of tokens."""

from collections.abc import Callable, Mapping
from math import log2
from typing import Any

CountTokens = Callable[[int, int, int], int]  # latent frames, height and width -> tokens that attend to each other
FEWEST = 64  # tokens, which are not shifted
LEAST, MOST = 1.0, 8.0


def count_cells(num_frames: int, height: int, width: int) -> int:
    """Count latent cells, for networks without patches."""
    return num_frames * height * width


def shift_exponent(config: Mapping[str, Any], num_tokens: int) -> float:
    """Give the mu of this many tokens, on the line that a scheduler's configuration draws.

    It is ``calculate_shift`` of diffusers' pipelines for FLUX, SD3.5 and LTX; a level is shifted by ``exp(mu)``, or by
    mu with ``time_shift_type`` "linear".
    """
    fewest, most = config.get("base_image_seq_len", 256), config.get("max_image_seq_len", 4096)
    least, greatest = config.get("base_shift", 0.5), config.get("max_shift", 1.15)
    rise = (greatest - least) / (most - fewest)
    return float(num_tokens * rise + (least - rise * fewest))


def shift_by_doublings(num_tokens: int, per_doubling: float) -> float:
    """Give the shift of this many tokens: 1 for 64, and so much more for each doubling, 8 at most (LoomVideo)."""
    return min(max(1 + per_doubling * log2(num_tokens / FEWEST), LEAST), MOST)
