"""Ways to a faster edit, each with its own price; a model that was made quick is edited with and no longer trained."""

from dataclasses import dataclass

import torch
from torch import nn

from veggie_pl.diffusion.crop import TOLERANCE
from veggie_pl.diffusion.solvers import solver_like
from veggie_pl.errors import UseError
from veggie_pl.model import VeggieModel
from veggie_pl.models.regions import compile_regions


@dataclass(frozen=True)
class Quick:
    """What to do for speed. The default is nothing.

    Args:
        compiled: Compile the repeated blocks of the diffusion model: equal up to rounding. The first edit of each size
            waits for the compiler, half a minute for Stable Diffusion's UNet.
        half: Keep the diffusion model in bfloat16 and compute in it from end to end. On a CPU without instructions for
            it, slower.
        reuse: Sampling steps from one full pass of the diffusion model to the next, see ``Reuse``: 1 reuses nothing.
            Pays from about ten steps on.
        solver: Scheduler of diffusers that steps in place of the model's own, along its noise schedule; one of
            ``SOLVERS``. Multistep ones need fewer steps.
        local: Where a region is given, compute only around it, if the first step there is what it is on the whole; see
            ``diffusion.crop``. Pays from about four steps on.
    """

    compiled: bool = False
    half: bool = False
    reuse: int = 1
    solver: str | None = None
    local: bool = False


def quicken(module: VeggieModel, quick: Quick) -> VeggieModel:
    """Make a model quick, in place.

    Raises:
        UseError: If the solver does not go with what the model was trained for, or the diffusion model has nothing to
            reuse or to compile.
    """
    if quick.solver is not None:
        module.objective.scheduler = solver_like(module.objective.scheduler, quick.solver)
    if quick.reuse != 1:
        if not hasattr(module.viddm, "reusing"):
            raise UseError(f"a {type(module.viddm).__name__} reuses nothing between steps: leave reuse at 1")
        module.viddm.reusing(quick.reuse)  # or one clear error
        module.reuse = quick.reuse
    if quick.local:
        if not hasattr(module.viddm, "crop_multiple"):
            raise UseError(f"a {type(module.viddm).__name__} computes whole pictures only: leave local off")
        module.local = TOLERANCE
    if quick.half:
        nn.Module.to(module.viddm, torch.bfloat16)  # diffusers' own warns of parts that it would keep in float32: none
    if quick.compiled:
        compile_regions(module.viddm)
    return module
