"""From a config to what a step does and holds: counted once, for every device."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

import torch
from jsonargparse import Namespace, namespace_to_dict
from torch._subclasses.fake_tensor import FakeTensorMode, unset_fake_temporarily
from torch.autograd.graph import _engine_run_backward

from veggie_pl.planning.casts import CudaCasts
from veggie_pl.planning.meter import Meter
from veggie_pl.planning.shapes import batch_of, build, class_of
from veggie_pl.planning.work import Phase, Work
from veggie_pl.progress import Tell
from veggie_pl.training.fsdp import PARTS, blocks_of

COST_ROWS = (
    "vision tower",
    "language model",
    "queries",
    "aligner",
    "diffusion, spatial",
    "diffusion, temporal",
    "codec",
    "loss",
)
Held = dict[str, tuple[int, int]]  # part -> its parameters, and how many of them learn
OFTEN = 200  # operations counted from one word of progress to the next
SAMPLE = 4096  # parameters of the one-tensor model that shows how much state an optimizer keeps
_COUNTED: "dict[str, Counted]" = {}  # of this process


@dataclass(frozen=True)
class Counted:
    """One micro-batch of a config, forward and backward, and an update; memory in bytes.

    Args:
        held: Parameters by part.
        phases: What is done, in order; the last is the update.
        size: Samples of the micro-batch.
        num_frames: Of a sample.
        weights: Of all parameters and buffers.
        shared: Those that FSDP shares out: all but the codec's.
        block: Of the largest block that FSDP gathers at once.
        learning: Parameters that learn, which is also the size of their gradients.
        state: Of the optimizer.
        average: Of the weights, where one is kept.
        peak: Most that was alive beside weights, state and average, gradients included.
        update: What the optimizer needs while it works, gradients included.
    """

    held: Held
    phases: list[Phase]
    size: int
    num_frames: int
    weights: float
    shared: float
    block: float
    learning: float
    state: float
    average: float
    peak: float
    update: float


def count_step(
    config: Namespace,
    num_frames: int | None = None,
    text_tokens: int = 40,
    mixed: bool = True,
    cuda: bool = True,
    on_built: Callable[[Held], None] = lambda held: None,
    tell: Tell = lambda what, done, total: None,
) -> Counted:
    """Run one training step of a config without data; a step that this process has counted is not counted again.

    Args:
        config: A parsed config of `fit`, nothing of it built.
        num_frames: Frames a clip; None is 1 for image models, and for video models what the streams say, or else
            ``queries.max_frames``.
        text_tokens: Of instruction and chat template together.
        mixed: Whether it computes in bfloat16 under autocast.
        cuda: Whether autocast is CUDA's.
        on_built: Called with the parts when their sizes are known, before anything of the step is counted.
        tell: Told, now and then, how many operations have been counted.
    """
    averaged = any(str(c.class_path).endswith(".Ema") for c in config.trainer.callbacks or ())
    said = namespace_to_dict(config.model), config.freeze.frozen, config.data.batch_size
    key = json.dumps([said, averaged, num_frames, text_tokens, mixed, cuda], default=str, sort_keys=True)
    if key in _COUNTED:
        on_built(_COUNTED[key].held)
        return _COUNTED[key]
    size = int(config.data.batch_size)
    shapes = FakeTensorMode(allow_non_fake_inputs=True)
    with shapes:
        module = build(config, text_tokens, "cuda" if cuda else "cpu")
        frames = num_frames or (frames_of(config, module.queries.max_frames) if module.viddm.is_video else 1)
        batch = batch_of(module, size, frames)
        with unset_fake_temporarily():  # what the process keeps of its scheduler is read, and needs data
            shape = module.vae.latent_shape(frames, *module.size)
            module.objective.process.timestep_at(torch.zeros(1), shape)
    held = parameters_of(module)
    on_built(held)
    batch.index = torch.arange(size)  # what is drawn is a function of these: they need data
    counted = count(1)

    def on_operation(part: str) -> None:
        if (number := next(counted)) % OFTEN == 0:
            tell(f"operations counted, now of {part}", number, None)

    meter = Meter(module, parts_of(module), on_operation)
    with shapes, meter, torch.autocast("cpu", torch.bfloat16, enabled=mixed):
        if cuda and mixed:
            with CudaCasts():
                loss = module(batch)
                # ``backward`` is a function that the mode is left for, and what is computed again needs it.
                _engine_run_backward((loss,), (torch.ones_like(loss),), False, False, (), True, accumulate_grad=True)
        else:
            module(batch).backward()
    learning = float(sum(p.numel() * p.element_size() for p in module.parameters() if p.requires_grad))
    weights = {name: _bytes(part) for name, part in module.named_children()}
    state = state_bytes(config.model.optimizer) * sum(learns for _, learns in held.values())
    # An optimizer reads and writes weights and state and reads gradients; the average is read and written.
    touched = 3 * learning + 2 * state + 3 * learning * averaged
    # It works on all tensors at once and needs as much again, unless it is fused.
    fused = bool(config.model.optimizer.init_args.get("fused"))
    found = Counted(
        held,
        [*meter.phases, Phase("update", {"update": Work(moved=touched)})],
        size,
        frames,
        float(sum(weights.values())),
        float(sum(weights[name] for name in PARTS)),
        float(max(_bytes(block) for name in PARTS for block in blocks_of(module.get_submodule(name)))),
        learning,
        state,
        learning * averaged,
        float(meter.peak),
        learning if fused else 2 * learning,
    )
    _COUNTED[key] = found
    return found


def frames_of(config: Namespace, most: int) -> int:
    """Give the most frames that a stream reads, up to what the queries know; ``most`` where none says."""

    def said(value: Any) -> list[int]:
        if isinstance(value, list):
            return [found for inner in value for found in said(inner)]
        if not isinstance(value, dict):
            return []
        return [
            found
            for name, inner in value.items()
            for found in ([inner] if name == "num_frames" and isinstance(inner, int) else said(inner))
        ]

    return min(max(said(namespace_to_dict(config.data)["streams"]), default=most), most)


def _bytes(part: torch.nn.Module) -> int:
    """Of parameters and buffers."""
    return sum(tensor.numel() * tensor.element_size() for tensor in (*part.parameters(), *part.buffers()))


def parameters_of(module: Any) -> Held:
    """Count the parameters of each part, and how many of them learn."""
    held = {name: (0, 0) for name in COST_ROWS}
    part_of = parts_of(module)
    for name, parameter in module.named_parameters():
        part = part_of(name)
        size, learning = held[part]
        held[part] = size + parameter.numel(), learning + parameter.numel() * parameter.requires_grad
    return held


def parts_of(module: Any) -> Callable[[str], str]:
    """Give what tells the part that a submodule or parameter of a ``VeggieModel`` belongs to, by its dotted name."""

    def part_of(name: str) -> str:
        head, _, rest = name.partition(".")
        if head == "mllm":
            sees = any(word in rest for word in ("vision", "visual", "projector", "connector"))
            return "vision tower" if sees else "language model"
        if head == "viddm":
            return f"diffusion, {module.viddm.layer_kind(rest)}"
        return {"queries": "queries", "aligner": "aligner", "vae": "codec"}.get(head, "loss")

    return part_of


def state_bytes(optimizer: Namespace) -> float:
    """Count the bytes of state that an optimizer keeps a parameter, by one step on a small tensor."""
    weight = torch.nn.Parameter(torch.zeros(SAMPLE))
    weight.grad = torch.ones(SAMPLE)
    one: Any = class_of(optimizer.class_path)([weight], **optimizer.init_args.as_dict())
    one.step()
    kept = [t for state in one.state.values() for t in state.values() if isinstance(t, torch.Tensor) and t.numel() > 1]
    return sum(t.numel() * t.element_size() for t in kept) / SAMPLE
