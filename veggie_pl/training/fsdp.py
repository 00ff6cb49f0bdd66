"""Weights spread over ranks (FSDP2), and whole again where files are written."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.distributed import get_world_size
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

PARTS = ("mllm", "viddm", "queries", "aligner")  # the codec is small, frozen, and called by its methods


def shard(module: nn.Module, device: torch.device) -> None:
    """Spread weights, gradients and optimizer state of a ``VeggieModule`` over all ranks.

    A rank holds a share of each tensor, and the whole of one block at a time while that block runs: the blocks are the
    members of the outermost lists of layers (of the LLM, its vision tower, the UNet), and what lies beside them is a
    block of its part.
    """
    mesh = init_device_mesh(device.type, (get_world_size(),))
    for name in PARTS:
        part = module.get_submodule(name)
        if not isinstance(part, FSDPModule):
            for block in blocks_of(part):
                fully_shard(block, mesh=mesh, reshard_after_forward=True)
            # By default the outermost would stay whole after a forward pass, and miss it if weights are exchanged then.
            fully_shard(part, mesh=mesh, reshard_after_forward=True)


def blocks_of(part: nn.Module) -> Iterator[nn.Module]:
    """Give the members of a part's outermost lists of layers, each of which is gathered by itself."""
    for child in part.children():
        yield from child if isinstance(child, nn.ModuleList) else blocks_of(child)


@contextmanager
def whole_weights(module: nn.Module, keep: bool) -> Iterator[None]:
    """For writing a model folder: plain tensors on the CPU and plain classes, as if nothing had been sharded.

    All ranks must enter it.

    Args:
        module: Sharded or not; sharded again when the context ends.
        keep: Whether this rank writes; others only send what they hold.
    """
    held = [(owner, leaf, p) for owner in module.modules() for leaf, p in owner._parameters.items() if p is not None]
    classes = [(owner, type(owner)) for owner in module.modules() if isinstance(owner, FSDPModule)]
    whole: dict[int, nn.Parameter] = {}  # tied weights stay tied
    try:
        for owner, leaf, parameter in held:
            if isinstance(parameter, DTensor) and id(parameter) not in whole:
                full = parameter.full_tensor().detach().cpu()
                whole[id(parameter)] = nn.Parameter(full if keep else full.new_empty(0), parameter.requires_grad)
            owner._parameters[leaf] = whole.get(id(parameter), parameter)
        for owner, sharded in classes:
            owner.__class__ = sharded.__bases__[1]  # fully_shard puts a class of its own in front
        yield
    finally:
        for owner, leaf, parameter in held:
            owner._parameters[leaf] = parameter
        for owner, sharded in classes:
            owner.__class__ = sharded


def local(parameter: Tensor) -> Tensor:
    """Return what this rank holds; shares memory with the parameter."""
    return (parameter.to_local() if isinstance(parameter, DTensor) else parameter).detach()


def local_part(whole: Tensor, like: Tensor) -> Tensor:
    """Return this rank's part of a whole tensor, laid out as another one; of a sharded tensor its own part."""
    if isinstance(like, DTensor) and not isinstance(whole, DTensor):
        whole = distribute_tensor(whole.to(like.device), like.device_mesh, like.placements)
    return local(whole).to(like.device)


def plain(tensor: Tensor) -> Tensor:
    """Give the whole of a tensor, sharded or not. All ranks must call it."""
    return tensor.full_tensor().cpu() if isinstance(tensor, DTensor) else tensor


def as_whole(part: Tensor, like: Tensor) -> Tensor:
    """Undo ``local_part``. All ranks must call it."""
    if not isinstance(like, DTensor):
        return part
    mesh, placements, shape, stride = like.device_mesh, like.placements, like.shape, like.stride()
    return DTensor.from_local(part, mesh, placements, run_check=False, shape=shape, stride=stride).full_tensor().cpu()
