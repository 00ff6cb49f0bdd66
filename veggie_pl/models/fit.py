"""Do the parts of a model fit each other, and a clip the codec?"""

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from veggie_pl.errors import UseError
from veggie_pl.models.codec import Codec
from veggie_pl.models.denoiser import Denoiser


def check_parts(mllm: Any, queries: Any, aligner: Any, viddm: Any, vae: Any) -> None:
    """Look whether the parts of a module are what they should be, and fit each other.

    Raises:
        UseError: If they do not; the message names all widths that differ.
    """
    for part, name, kind in ((viddm, "viddm", Denoiser), (vae, "vae", Codec)):
        if not isinstance(part, kind):
            wanted_of = sorted(name for name in (*kind.__annotations__, *vars(kind)) if not name.startswith("_"))
            lacks = ", ".join(one for one in wanted_of if not hasattr(part, one))
            raise UseError(f"{name} is a {type(part).__name__}, which is no {kind.__name__}: it lacks {lacks}")
    wanted = {
        "queries.width": (queries.config.width, mllm.width, "the MLLM's hidden width"),
        "aligner.width_in": (aligner.config.width_in, mllm.width, "the MLLM's hidden width"),
        "aligner.width_out": (aligner.config.width_out, viddm.width, "the diffusion model's cross-attention width"),
        "viddm in_channels": (2 * viddm.channels, 2 * vae.channels, "twice the codec's channels"),
    }
    if viddm.pooled_width:
        wide = queries.config.num_queries * viddm.width
        what = "queries times the cross-attention width"
        wanted["viddm time_cond_proj_dim"] = (viddm.pooled_width, wide, what)
    wrong = [f"{name} is {has}, but {what} is {needs}" for name, (has, needs, what) in wanted.items() if has != needs]
    if trained_with := getattr(
        viddm, "codec_of_weights", None
    ):  # of weights from elsewhere; latents have no name on them
        own = getattr(vae, "vae", None)
        has = {**(own.config if own is not None else {}), "_class_name": type(vae if own is None else own).__name__}
        differ = [name for name, value in trained_with.items() if _listed(has.get(name)) != _listed(value)]
        if differ:
            told = ", ".join(f"{name} {has.get(name)} and not {trained_with[name]}" for name in differ)
            wrong.append(f"the diffusion model's weights were trained with another codec: vae has {told}")
    every, compressed = queries.every, getattr(vae, "every", 1)
    if every > 1 and (viddm.reads_frames or every != compressed):
        wrong.append(
            f"queries.every is {every}, but {type(viddm).__name__} with {type(vae).__name__} has task tokens for every "
            f"{'frame' if viddm.reads_frames else f'{compressed} frames'}"
        )
    if viddm.reads_frames and vae.frames_taken(2) != 2:
        wrong.append(
            f"{type(viddm).__name__} has task tokens for every frame, but {type(vae).__name__} compresses time"
        )
    if wrong:
        raise UseError("parts that do not fit: " + "; ".join(wrong))


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def check_lengths(codec: Codec, lengths: Mapping[str, set[int]]) -> None:
    """Look whether a codec takes clips of these lengths whole: one that compresses time takes 4 k + 1 frames, say.

    Args:
        codec: Of the model.
        lengths: Numbers of frames by the name of what has them.

    Raises:
        UseError: If it does not; the message names the nearest counts.
    """
    wrong = []
    for name, counts in lengths.items():
        for count in sorted(counts):
            if (below := codec.frames_taken(count)) != count:
                near = [number for number in (below, whole_length(count, codec)) if number]
                wrong.append(f"{name} has clips of {count} frames, the nearest are {' and '.join(map(str, near))}")
    if wrong:
        raise UseError(
            f"{type(codec).__name__} does not take the clips whole: {'; '.join(wrong)}. Set num_frames of the records"
        )


def whole_length(num_frames: int, codec: Codec) -> int:
    """Give the least number of frames, from ``num_frames`` on, that the codec takes whole."""
    while codec.frames_taken(num_frames) != num_frames:
        num_frames += 1
    return num_frames


def padded(clips: Float[Tensor, "b f 3 h w"], codec: Codec) -> Float[Tensor, "b f2 3 h w"]:
    """Repeat the last frame until the codec takes the clips whole: no more than 3 times for one that takes 4 k + 1."""
    num_frames = clips.shape[1]
    if not (lacking := whole_length(num_frames, codec) - num_frames):
        return clips
    return torch.cat([clips, clips[:, -1:].expand(-1, lacking, -1, -1, -1)], 1)
