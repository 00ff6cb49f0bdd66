"""Do the parts of a model fit each other?"""

from typing import Any

from veggie_pl.errors import UseError


def check_widths(mllm: Any, queries: Any, aligner: Any, viddm: Any, vae: Any) -> None:
    """Look whether the parts of a module fit each other.

    Raises:
        UseError: If they do not; the message names all widths that differ.
    """
    wanted = {
        "queries.width": (queries.config.width, mllm.width, "the MLLM's hidden width"),
        "aligner.width_in": (aligner.config.width_in, mllm.width, "the MLLM's hidden width"),
        "aligner.width_out": (aligner.config.width_out, viddm.width, "the diffusion model's cross-attention width"),
        "viddm in_channels": (viddm.unet.config.in_channels, 2 * vae.channels, "twice the codec's channels"),
    }
    if viddm.pool_task:
        wide = queries.config.num_queries * viddm.width
        what = "queries times the cross-attention width"
        wanted["viddm time_cond_proj_dim"] = (viddm.unet.config.time_cond_proj_dim, wide, what)
    wrong = [f"{name} is {has}, but {what} is {needs}" for name, (has, needs, what) in wanted.items() if has != needs]
    if wrong:
        raise UseError("parts that do not fit: " + "; ".join(wrong))
