"""What stands in for the pooled states of text encoders, which are not there."""

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from veggie_pl.errors import UseError

KEY = "pooled_projections"


class PooledStates(nn.Module):
    """A learned vector, beside it a linear layer of the mean task token, whose weights start at zero.

    SD3 and FLUX add the pooled states of a prompt to the embedding of the timestep. At first the vector alone stands
    there, whatever the task.

    Args:
        width: Of task tokens.
        pooled_width: Of pooled states.
        start: A safetensors file with the pooled states of a prompt, such as the empty one, as ``pooled_projections``:
            where the vector starts. `python -m veggie_pl prompt` writes it. None is zeros.

    Raises:
        UseError: If the file is not there, or holds none of this width.
    """

    def __init__(self, width: int, pooled_width: int, start: str | None = None) -> None:
        super().__init__()
        self.vector = nn.Parameter(torch.zeros(pooled_width) if start is None else _read(start, pooled_width))
        self.of_tokens = nn.Linear(width, pooled_width, bias=False)
        nn.init.zeros_(self.of_tokens.weight)

    def forward(self, tokens: Float[Tensor, "n q d"]) -> Float[Tensor, "n p"]:
        """Give pooled states for the tokens of each picture."""
        pooled: Tensor = self.vector + self.of_tokens(tokens.mean(1))
        return pooled


def _read(path: str, width: int) -> Float[Tensor, " p"]:
    try:
        found = load_file(path)
    except (SafetensorError, OSError) as problem:
        raise UseError(
            f"{path} holds no pooled states: {problem}; `python -m veggie_pl prompt FOLDER -o {path}` writes those of "
            "a pipeline folder, and without pooled_start zeros stand in, from which they are learnt"
        ) from problem
    if KEY not in found:
        raise UseError(f"{path} holds no {KEY}; there are {', '.join(sorted(found)) or 'no tensors'}")
    states = found[KEY].float().flatten()
    if len(states) != width:
        raise UseError(f"{path}: {KEY} has {len(states)} numbers, the transformer's pooled_projection_dim is {width}")
    return states
