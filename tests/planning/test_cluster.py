"""Several GPUs, against cases worked by hand."""

import pytest
from jsonargparse import Namespace

from veggie_pl.planning.cluster import BUCKET, MACHINE, REACHED, Cluster, peak_bytes, sharing_of, step_seconds
from veggie_pl.planning.counting import Counted
from veggie_pl.planning.devices import GPUS, Device, Rates
from veggie_pl.planning.work import Phase, Work

RATES = Rates(1.0, 1.0, 1.0, 1.0, 1.0, kernel=1e-3)
GPU = Device(1e12, flops=1.0, bandwidth=1e9, link=1e9 / REACHED, reserved=10.0, rates=RATES)


def counted(forward: float = 2.0, backward: float = 3.0, update: float = 0.4) -> Counted:
    """A model of 4 GB, of which 2 GB learn; seconds of forward pass, backward pass and update."""
    phases = [
        Phase("mllm", {"language model": Work(kernels=forward / RATES.kernel)}),
        Phase("backward", {"language model": Work(kernels=backward / RATES.kernel)}),
        Phase("update", {"update": Work(kernels=update / RATES.kernel)}),
    ]
    return Counted({}, phases, 1, 1, 4e9, 3e9, 0.5e9, 2e9, 4e9, 2e9, 7e9, 2e9)


def test_one_gpu_sends_nothing() -> None:
    for sharing in ("ddp", "zero2", "fsdp"):
        assert step_seconds(counted(), GPU, Cluster(1, sharing)) == pytest.approx(5.4)  # type: ignore[arg-type]


def test_a_ring_sends_each_gradient_almost_twice_behind_the_backward_pass() -> None:
    # 2 * 3/4 * 2 GB at 1 GB/s are 3 s: as long as the backward pass. Only the last bucket shows.
    last = 2 * 0.75 * BUCKET / 1e9
    assert step_seconds(counted(), GPU, Cluster(4)) == pytest.approx(5.4 + last)
    # With a backward pass of 1 s two of them show.
    assert step_seconds(counted(backward=1.0), GPU, Cluster(4)) == pytest.approx(3.4 + 2.0)
    # Gradients are summed once for all micro-batches.
    assert step_seconds(counted(backward=1.0), GPU, Cluster(4), micro=3) == pytest.approx(3 * 3.0 + 0.4 + 2.0)


def test_fsdp_gathers_weights_twice_and_each_gpu_updates_its_share() -> None:
    # 3/4 * 3 GB take 2.25 s: forward 2 s shows 0.25; backward 3 s has 2.25 + 1.5 to hide, shows 0.75.
    shares = Cluster(4, "fsdp")
    assert step_seconds(counted(), GPU, shares) == pytest.approx(5.4 - 0.3 + 0.25 + 0.75)
    assert step_seconds(counted(), GPU, shares, micro=2) == pytest.approx(2 * (5.0 + 1.0) + 0.1)


def test_zero2_gathers_what_it_updated() -> None:
    assert step_seconds(counted(), GPU, Cluster(4, "zero2")) == pytest.approx(5.4 - 0.3 + 1.5)


def test_more_than_a_machine_is_as_fast_as_its_network() -> None:
    gpu = GPUS["h100"]
    assert Cluster(MACHINE, network=50e9).link(gpu) == pytest.approx(REACHED * 450e9)
    assert Cluster(2 * MACHINE, network=50e9).link(gpu) == pytest.approx(REACHED * 50e9)
    assert Cluster(2 * MACHINE, network=1e15).link(gpu) == pytest.approx(REACHED * 450e9)


def test_memory_is_shared_by_what_the_strategy_shares() -> None:
    # weights 4 + state 4 + average 2 + activations 5 + gradients 2 GB, and what is reserved
    assert peak_bytes(counted(), GPU, Cluster(1)) == pytest.approx(17e9 + 10)
    assert peak_bytes(counted(), GPU, Cluster(8)) == pytest.approx(17e9 + 10)
    assert peak_bytes(counted(), GPU, Cluster(4, "zero2")) == pytest.approx(4e9 + 1e9 + 2e9 + 5e9 + 0.5e9 + 10)
    # fsdp: of the 3 GB that are shared out a quarter stays, and two blocks of 0.5 GB are whole.
    sharded = 1.75e9 + 1e9 + 0.5e9 + 5e9 + 1e9 + 0.5e9 + 10
    assert peak_bytes(counted(), GPU, Cluster(4, "fsdp")) == pytest.approx(sharded)


@pytest.mark.parametrize(
    ("strategy", "sharing"),
    [
        ("auto", "ddp"),
        (Namespace(class_path="lightning.pytorch.strategies.DDPStrategy"), "ddp"),
        (Namespace(class_path="lightning.pytorch.strategies.ModelParallelStrategy"), "fsdp"),
        (Namespace(class_path="lightning.pytorch.strategies.DeepSpeedStrategy"), "zero2"),
    ],
)
def test_the_strategy_of_a_config_says_what_is_shared(strategy: object, sharing: str) -> None:
    assert sharing_of(Namespace(trainer=Namespace(strategy=strategy))) == sharing
