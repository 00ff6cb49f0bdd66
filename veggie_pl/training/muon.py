"""Muon for matrices, AdamW for the rest: what a small model learns from nothing with, in half of the steps."""

from collections.abc import Callable, Iterable
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim import AdamW

from veggie_pl.errors import UseError

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic iteration: steep at 0, so that small directions grow quickly


def orthogonal(
    matrix: Float[Tensor, "n rows columns"], steps: int = 5, dtype: torch.dtype | None = None
) -> Float[Tensor, "n rows columns"]:
    r"""Bring all singular values near 1, from 0.7 to 1.2, by Newton-Schulz iterations.

    .. math:: X \leftarrow a X + (b X X^T + c (X X^T)^2) X

    Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon). torch's own, ``torch.optim.Muon``, always does this in
    bfloat16, which CPUs without instructions for it do 35 times slower than float32, and takes no convolutions.

    Args:
        matrix: Several of a shape.
        steps: Iterations.
        dtype: Of the products; None is the matrices' own.
    """
    a, b, c = COEFFICIENTS
    tall = matrix.shape[-2] > matrix.shape[-1]
    x = matrix.mT if tall else matrix
    x = (x / x.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-7)).to(dtype or matrix.dtype)
    for _ in range(steps):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    found: Tensor = x.mT if tall else x
    return found.to(matrix.dtype)


class Muon(AdamW):
    r"""Steps of one length in all directions of a matrix; AdamW for vectors, embeddings and narrow layers.

    .. math::
        W \leftarrow (1 - \eta \lambda) W - 0.2 \sqrt{\max(r, c)}\, \eta\, \mathrm{orthogonal}(\mu M + (1 - \mu) G)

    with :math:`M` the running mean of gradients :math:`G`, and :math:`\eta` the learning rate of matrices. The root of
    the longer side gives the update the size of AdamW's (Moonlight, arXiv:2502.16982, Eq. 4). A convolution is the
    matrix of its output channels by all that each of them sees.

    Args:
        params: Parameters, or groups of them; each group becomes two, its matrices and the rest.
        lr: Learning rate of the rest.
        weight_decay: Of both.
        factor: Learning rate of matrices, as a multiple of ``lr``.
        momentum: :math:`\mu`, in [0, 1).
        betas: Of AdamW.
        least: A matrix whose shorter side is below this is one of the rest, such as a first or last layer.

    Raises:
        UseError: If a number is out of range, or parameters are sharded: a piece of a matrix has other directions.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 5e-4,
        weight_decay: float = 0.01,
        factor: float = 4.0,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.999),
        least: int = 64,
    ) -> None:
        if factor <= 0 or least < 1 or not 0 <= momentum < 1:
            raise UseError(
                f"Muon takes factor > 0, least >= 1 and momentum in [0, 1), got {factor}, {least} and {momentum}"
            )
        given = list(params)
        groups = [dict(one) if isinstance(one, dict) else {"params": one} for one in given]
        if given and not isinstance(given[0], dict):
            groups = [{"params": given}]
        split: list[dict[str, Any]] = []
        for group in groups:
            own = list(group.pop("params"))
            if any(hasattr(p, "device_mesh") for p in own):
                raise UseError("Muon takes whole matrices, and these are sharded: train with ddp, or with AdamW")
            wide = [p for p in own if is_matrix(p, least)]
            rest = [p for p in own if not is_matrix(p, least)]
            # both halves stay, empty or not: what a checkpoint knows of groups is their number and order
            split.append({**group, "params": wide, "momentum": momentum, "matrices": True, "lr": factor * lr})
            split.append({**group, "params": rest, "momentum": momentum, "matrices": False, "lr": lr})
        super().__init__(split, lr=lr, weight_decay=weight_decay, betas=betas)
        self.products = torch.float32  # what ``orthogonal`` computes in; bfloat16 in a run that does so, too

    def leave_out(self, module: nn.Module) -> None:
        """Have AdamW learn a module's embeddings: a step is to move the rows that were looked up, and no others."""
        tables = {id(one.weight) for one in module.modules() if isinstance(one, nn.Embedding)}
        for matrices, rest in zip(self.param_groups[::2], self.param_groups[1::2], strict=True):
            rest["params"] += [p for p in matrices["params"] if id(p) in tables]
            matrices["params"] = [p for p in matrices["params"] if id(p) not in tables]

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Do one step."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        groups = self.param_groups
        for group in groups[::2]:
            self._step_matrices(group)
        self.param_groups = groups[1::2]
        try:
            super().step()
        finally:
            self.param_groups = groups
        return loss

    def _step_matrices(self, group: dict[str, Any]) -> None:
        alike: dict[tuple[int, ...], list[nn.Parameter]] = {}
        for p in group["params"]:
            if p.grad is not None:
                alike.setdefault(tuple(p.shape), []).append(p)
        for shape, params in alike.items():  # those of a shape in one product
            updates = torch.stack([self._update(p, group["momentum"]).flatten(1) for p in params])
            scale = 0.2 * max(updates.shape[1:]) ** 0.5 * group["lr"]
            for p, update in zip(params, orthogonal(updates, dtype=self.products), strict=True):
                p.mul_(1 - group["lr"] * group["weight_decay"]).add_(update.view(shape), alpha=-scale)

    def _update(self, p: nn.Parameter, momentum: float) -> Tensor:
        state = self.state[p]
        if not state:
            # AdamW looks for a count of steps in every state that it reads back
            state.update(step=torch.tensor(0.0), momentum_buffer=torch.zeros_like(p))
        state["step"] += 1
        mean, grad = state["momentum_buffer"], cast(Tensor, p.grad)
        mean.lerp_(grad, 1 - momentum)
        return torch.lerp(grad, mean, momentum)  # Nesterov's look ahead


def is_matrix(parameter: Tensor, least: int) -> bool:
    """Tell whether a parameter maps many features to many: its first axis, and all others together, are wide."""
    return parameter.ndim >= 2 and min(parameter.shape[0], parameter[0].numel()) >= least
