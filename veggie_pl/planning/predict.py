"""From counts to memory and time of a training step on a device."""

from collections.abc import Callable
from dataclasses import dataclass

from jsonargparse import Namespace

from veggie_pl.planning.counting import COST_ROWS, Counted, Held, count_step
from veggie_pl.planning.devices import Device
from veggie_pl.planning.timeline import Timing, device_seconds, run
from veggie_pl.planning.work import total
from veggie_pl.progress import Tell


@dataclass(frozen=True)
class PartCost:
    """One part of the model in one training step of all samples.

    Args:
        parameters: How many.
        learning: How many of them learn.
        flops: Of a sample, forward and backward, computing again for checkpointing included.
        seconds: Of an optimizer step, on the device.
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
        launch_bound: Share of the step in which the device waits for the host, in [0, 1].
        samples: Of an optimizer step.
        num_frames: Of a sample.
    """

    parts: dict[str, PartCost]
    memory: dict[str, float]
    peak: float
    seconds: float
    launch_bound: float
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
    """Count a training step of a config and say what it takes on a device; arguments as of ``count_step``."""
    counted = count_step(config, num_frames, text_tokens, is_mixed(config, device), device.cuda, on_built, tell)
    return priced(counted, device, int(config.trainer.accumulate_grad_batches or 1))


def is_mixed(config: Namespace, device: Device) -> bool:
    """Tell whether a run computes in bfloat16 under autocast."""
    return str(config.trainer.precision or device.precision).startswith("bf16")


def priced(counted: Counted, device: Device, micro: int = 1) -> Prediction:
    """Say what counts take on a device.

    Args:
        counted: Of a micro-batch.
        device: Where.
        micro: Micro-batches of an optimizer step.
    """
    memory = {
        "weights": counted.weights,
        "average of the weights": counted.average,
        "optimizer": counted.state,
        "gradients": counted.learning,
        "activations": max(counted.peak - counted.learning, 0.0),
        "driver and libraries": float(device.reserved),
    }
    # Gradients come while activations go; then the optimizer works.
    peak = counted.weights + counted.average + counted.state + device.reserved + max(counted.peak, counted.update)
    by_part = {name: total([p.parts[name] for p in counted.phases if name in p.parts]) for name in COST_ROWS}
    parts = {
        name: PartCost(*counted.held[name], work.flops / counted.size, device_seconds(work, device) * micro)
        for name, work in by_part.items()
    }
    timing = timed(counted, device, micro)
    return Prediction(
        parts, memory, peak, timing.seconds, timing.launch_bound, counted.size * micro, counted.num_frames
    )


def timed(counted: Counted, device: Device, micro: int = 1) -> Timing:
    """Time an optimizer step: the micro-batches one after the other, then the update."""
    update = counted.phases[-1:]
    return run(counted.phases[:-1] * micro + update, device, counted.size * micro)
