"""Task tokens beside the text encoder's states of the empty prompt, which a text-to-video model was trained with."""

from typing import Literal

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from veggie_pl.errors import UseError

KEY = "prompt_embeds"
Padding = Literal["zeros", "last"]


class BesidePrompt(nn.Module):
    """Adds task tokens, through a layer that is zero at first, to the padding behind the empty prompt.

    Text encoders give equally many states for every prompt. Those of the empty one are one or two, and behind them
    zeros (Wan), what the encoder makes of padding (CogVideoX), or what is masked (LTX): there the last state stands
    again and again, for attention to a token many times is attention to it once. With tokens added to the last of them
    the model is at first the one under the empty prompt, as with Kiwi-Edit's connector, whose last layer is zero at
    first.

    Args:
        width: Of the states.
        rows: How many states a prompt has: 512 in Wan, 226 in CogVideoX.
        prompt: A ``.safetensors`` file with the empty prompt's states (rows, width) as ``prompt_embeds``, or with one
            tensor of whatever name; padding stands behind them if they are fewer. `python -m veggie_pl prompt` writes
            it. None is zeros alone.
        padding: "zeros", or "last": the last state again.

    Raises:
        UseError: If there is no such file, or it holds others.
    """

    def __init__(self, width: int, rows: int, prompt: str | None, padding: Padding = "zeros") -> None:
        super().__init__()
        self.states: Tensor
        states = torch.zeros(rows, width) if prompt is None else _read(prompt, rows, width, padding)
        self.register_buffer("states", states)
        self.layer = nn.Linear(width, width)
        nn.init.zeros_(self.layer.weight)
        nn.init.zeros_(self.layer.bias)

    def forward(self, told: Float[Tensor, "b lf lq d"]) -> Float[Tensor, "b lf rows d"]:
        """Give the states of each latent frame.

        Raises:
            UseError: If there are more tokens than states.
        """
        rows, own = len(self.states), told.shape[2]
        if own > rows:
            raise UseError(f"a latent frame has {own} task tokens, but a prompt has {rows} states (prompt_rows)")
        states = self.states.to(told).expand(*told.shape[:2], -1, -1)
        return torch.cat([states[:, :, : rows - own], states[:, :, rows - own :] + self.layer(told)], 2)


def _read(path: str, rows: int, width: int, padding: Padding) -> Tensor:
    try:
        read = load_file(path)
        found = [read[KEY]] if KEY in read else list(read.values())
    except (SafetensorError, OSError) as problem:
        raise UseError(
            f"prompt {path} is no .safetensors file with states of the empty prompt: {problem}; `python -m veggie_pl "
            f"prompt FOLDER -o {path}` writes one of a pipeline folder"
        ) from problem
    states = found[0].flatten(0, -2).float() if found and found[0].ndim > 1 else torch.zeros(0, 0)
    if len(found) != 1 or not 0 < len(states) <= rows or states.shape[1] != width:
        shapes = ", ".join(str(tuple(one.shape)) for one in found)
        raise UseError(f"prompt {path} holds {shapes or 'nothing'}; one tensor of at most {rows} x {width} is needed")
    behind = states[-1:] if padding == "last" else states.new_zeros(1, width)
    return torch.cat([states, behind.expand(rows - len(states), -1)])
