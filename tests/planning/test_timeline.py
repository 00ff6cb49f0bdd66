"""How long a step takes, against cases worked by hand."""

import pytest

from veggie_pl.planning.devices import Device, Rates
from veggie_pl.planning.timeline import device_seconds, host_seconds, run
from veggie_pl.planning.work import Phase, Work

RATES = Rates(0.5, 0.8, 0.25, 0.5, 0.1, kernel=1e-3, called=0.01, again=0.02, replayed=0.005, sample=0.1)
SLOW = Device(1e9, flops=100.0, bandwidth=10.0, full=10.0, rates=RATES)


def phase(name: str, seconds: float, calls: float) -> Phase:
    """That long on the device (kernels by their own time alone), that many calls of 10 ms of the host."""
    return Phase(name, {"part": Work(kernels=seconds / RATES.kernel, called=float(calls))})


def test_each_kind_of_work_has_its_own_rate() -> None:
    assert device_seconds(Work(convolution=100.0), SLOW) == pytest.approx(2)
    assert device_seconds(Work(product=100.0), SLOW) == pytest.approx(1.25)
    assert device_seconds(Work(attention=100.0), SLOW) == pytest.approx(4)
    assert device_seconds(Work(full=100.0), SLOW) == pytest.approx(12.5)  # float32, at a tenth of the peak
    assert device_seconds(Work(moved=10.0), SLOW) == pytest.approx(2)
    assert device_seconds(Work(turned=10.0), SLOW) == pytest.approx(10)
    assert device_seconds(Work(kernels=7.0), SLOW) == pytest.approx(0.007)
    all_of_it = Work(100.0, 100.0, 100.0, 100.0, 10.0, 10.0, 0.0, 7.0)
    assert device_seconds(all_of_it, SLOW) == pytest.approx(2 + 1.25 + 4 + 12.5 + 2 + 10 + 0.007)
    assert host_seconds(Work(called=3.0, again=2.0, replayed=4.0), SLOW) == pytest.approx(0.03 + 0.04 + 0.02)


def test_a_step_with_much_to_compute_hides_the_host() -> None:
    found = run([phase("codec", 3.0, 10), phase("backward", 2.0, 10)], SLOW, 0)
    assert found.seconds == found.busy == pytest.approx(5.0)
    assert found.host == pytest.approx(0.2)
    assert found.launch_bound == pytest.approx(0)
    assert found.backward == pytest.approx(2.0)


def test_a_step_with_little_to_compute_is_as_long_as_its_launches() -> None:
    found = run([phase("codec", 0.1, 100), phase("backward", 0.2, 200)], SLOW, 0)
    assert found.seconds == found.host == pytest.approx(3.0)
    assert found.launch_bound == pytest.approx(0.9)


def test_work_that_comes_first_hides_launches_that_come_later_and_not_the_other_way_round() -> None:
    heavy, light = phase("codec", 2.0, 1), phase("mllm", 0.1, 150)  # 0.01 and 1.5 s of the host
    assert run([heavy, light], SLOW, 0).seconds == pytest.approx(2.1)
    assert run([light, heavy], SLOW, 0).seconds == pytest.approx(1.5 + 2.0)


def test_what_a_sample_costs_the_host_comes_once_a_step() -> None:
    one, four = (run([phase("codec", 0.0, 1), phase("mllm", 0.0, 1)], SLOW, samples).host for samples in (1, 4))
    assert four - one == pytest.approx(3 * RATES.sample)
