"""A training step on several GPUs: what they send each other, what of it is hidden, and what each one holds.

The model: GPUs stand in a ring. To sum gradients of s bytes over n of them each sends 2 (n - 1) / n s bytes; to gather
weights, or to sum gradients that end up in shares, half of that. A ring is as fast as its slowest link: inside a
machine the GPUs' own (NVLink or PCI Express, by data sheet), between machines the network, of which each GPU has a
part. ``REACHED`` of that is reached. What is sent while something is computed costs nothing: gradients while the
backward pass goes on, weights while the block before runs. None of it was measured on several GPUs.
"""

from dataclasses import dataclass
from typing import Literal

from jsonargparse import Namespace

from veggie_pl.planning.counting import Counted
from veggie_pl.planning.devices import Device
from veggie_pl.planning.predict import timed
from veggie_pl.planning.timeline import run

Sharing = Literal["ddp", "zero2", "fsdp"]
REACHED = 0.8  # of a link's published rate, an assumption
BUCKET = 25 * 2.0**20  # bytes of gradients that DDP sends at once; the last has no backward pass to hide behind
AHEAD = 2  # blocks that FSDP holds whole: the one that runs and the next
MACHINE = 8  # GPUs of one


@dataclass(frozen=True)
class Cluster:
    """GPUs that train together.

    Args:
        gpus: How many.
        sharing: What they share: "ddp" nothing, "zero2" gradients and optimizer state, "fsdp" weights as well.
        network: Bytes/s, one way, of each GPU's part of the network between machines.
    """

    gpus: int
    sharing: Sharing = "ddp"
    network: float = 50e9

    def link(self, device: Device) -> float:
        """Give the rate of the slowest link of the ring, in bytes/s."""
        return REACHED * (device.link if self.gpus <= MACHINE else min(device.link, self.network))

    def sent(self, size: float) -> float:
        """Give the bytes that each GPU sends to gather, or to sum into shares, ``size`` bytes."""
        return (self.gpus - 1) / self.gpus * size


def sharing_of(config: Namespace) -> Sharing:
    """Tell what the strategy of a config shares."""
    strategy = config.trainer.strategy
    name = str(strategy.get("class_path") if isinstance(strategy, Namespace) else strategy).lower()
    if "modelparallel" in name or "fsdp" in name:
        return "fsdp"
    return "zero2" if "deepspeed" in name else "ddp"


def step_seconds(counted: Counted, device: Device, cluster: Cluster, micro: int = 1) -> float:
    """Time an optimizer step of ``micro`` micro-batches on every GPU of a cluster."""
    alone = timed(counted, device, micro)
    if cluster.gpus == 1:
        return alone.seconds
    link, backward = cluster.link(device), alone.backward / micro
    sums = cluster.sent(counted.learning) / link
    update = run(counted.phases[-1:], device, 0).seconds
    if cluster.sharing == "ddp":
        last = 2 * cluster.sent(min(BUCKET, counted.learning)) / link
        return alone.seconds + max(2 * sums - backward, last)
    saved = update * (1 - 1 / cluster.gpus)  # each updates its share
    if cluster.sharing == "zero2":
        return alone.seconds - saved + max(sums - backward, 0.0) + sums
    gathered = cluster.sent(counted.shared) / link  # once on the way forward and once on the way back
    forward = (alone.seconds - alone.backward - update) / micro
    waits = max(gathered - forward, 0.0) + max(gathered + sums - backward, 0.0)
    return alone.seconds - saved + micro * waits


def peak_bytes(counted: Counted, device: Device, cluster: Cluster) -> float:
    """Give the most that each GPU of a cluster holds, in bytes."""
    share = 1 / cluster.gpus
    weights, average = counted.weights, counted.average
    state, learning = counted.state, counted.learning
    activations, update = max(counted.peak - learning, 0.0), counted.update
    if cluster.gpus > 1 and cluster.sharing != "ddp":
        state, learning, update = state * share, learning * share, update * share
    if cluster.gpus > 1 and cluster.sharing == "fsdp":
        weights = counted.weights - counted.shared * (1 - share)
        average *= share
        activations += AHEAD * counted.block
    return weights + average + state + device.reserved + max(activations + learning, update)
