"""From a config to parameters, FLOPs, memory and time of a training step."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

import torch
from jsonargparse import Namespace
from torch._subclasses.fake_tensor import FakeTensorMode

from veggie_pl.planning.devices import Device
from veggie_pl.planning.meter import Cost, Meter
from veggie_pl.planning.shapes import batch_of, build, class_of
from veggie_pl.progress import Tell

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


@dataclass(frozen=True)
class PartCost:
    """One part of the model in one training step of all samples.

    Args:
        parameters: How many.
        learning: How many of them learn.
        flops: Of a sample, forward and backward, computing again for checkpointing included.
        seconds: Of an optimizer step.
    """

    parameters: int
    learning: int
    flops: float
    seconds: float


@dataclass(frozen=True)
class Prediction:
    """What a run will need.

    Args:
        parts: By name, see ``COST_ROWS``.
        memory: Bytes by what they hold; some are there one after the other, so that their sum is not ``peak``.
        peak: Most bytes at one time.
        seconds: Of an optimizer step, data and logging left out.
        samples: Of an optimizer step.
        num_frames: Of a sample.
    """

    parts: dict[str, PartCost]
    memory: dict[str, float]
    peak: float
    seconds: float
    samples: int
    num_frames: int

    @property
    def flops(self) -> float:
        """Of a sample."""
        return sum(part.flops for part in self.parts.values())


def predict(
    config: Namespace,
    device: Device,
    num_frames: int | None = None,
    text_tokens: int = 40,
    on_built: Callable[[Held], None] = lambda held: None,
    tell: Tell = lambda what, done, total: None,
) -> Prediction:
    """Run one training step of a config without data and add up.

    Args:
        config: A parsed config of `fit`, nothing of it built.
        device: What it will run on.
        num_frames: Frames a clip; None is 1 for image models and ``queries.max_frames`` for video models.
        text_tokens: Of instruction and chat template together.
        on_built: Called with the parts when their sizes are known, before anything of the step is counted.
        tell: Told, now and then, how many operations have been counted.
    """
    size, micro = int(config.data.batch_size), int(config.trainer.accumulate_grad_batches or 1)
    shapes = FakeTensorMode(allow_non_fake_inputs=True)
    with shapes:
        module = build(config, text_tokens)
        frames = num_frames or (module.queries.max_frames if module.viddm.is_video else 1)
        batch = batch_of(module, size, frames)
    held = parameters_of(module)
    on_built(held)
    batch.index = torch.arange(size)  # what is drawn is a function of these: they need data
    mixed = str(config.trainer.precision or device.precision).startswith("bf16")
    counted = count(1)

    def on_operation(part: str) -> None:
        if (number := next(counted)) % OFTEN == 0:
            tell(f"operations counted, now of {part}", number, None)

    meter = Meter(module, parts_of(module), device, on_operation)
    with shapes, meter, torch.autocast("cpu", torch.bfloat16, enabled=mixed):
        module(batch).backward()
    learning = sum(p.numel() * p.element_size() for p in module.parameters() if p.requires_grad)
    updated = sum(learns for _, learns in held.values())
    averaged = any(str(c.class_path).endswith(".Ema") for c in config.trainer.callbacks or ())
    memory = {
        "weights": float(sum(t.numel() * t.element_size() for t in (*module.parameters(), *module.buffers()))),
        "average of the weights": float(learning * averaged),
        "optimizer": state_bytes(config.model.optimizer) * updated,
        "gradients": float(learning),
        "activations": float(max(meter.peak - learning, 0)),
        "driver and libraries": float(device.reserved),
    }
    always = memory["weights"] + memory["average of the weights"] + memory["optimizer"] + device.reserved
    # Gradients come while activations go; then the optimizer works on all tensors at once and needs as much again,
    # unless it is fused.
    fused = bool(config.model.optimizer.init_args.get("fused"))
    update = learning if fused else 2 * learning
    # An optimizer reads and writes weights and state and reads gradients; the average is read and written.
    touched = 3 * learning + 2 * memory["optimizer"] + 3 * learning * averaged
    cost = {name: meter.costs.get(name, Cost()) for name in COST_ROWS}
    parts = {
        name: PartCost(count, learns, cost[name].flops / size, cost[name].seconds * micro)
        for name, (count, learns) in held.items()
    }
    seconds = sum(part.seconds for part in parts.values()) + touched / (device.bandwidth * device.efficiency)
    return Prediction(parts, memory, always + max(meter.peak, update), seconds, size * micro, frames)


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
