import math
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from support.metric_batches import batch_of, noise
from torch import Tensor

from veggie_pl.batch import Batch, Skill
from veggie_pl.metrics import PerSampleMean, mean_interval


def brightness(edited: Tensor, batch: Batch) -> Tensor:
    """Mean of an output; not defined where that is negative and the sample's index divisible by five."""
    values = edited.double().mean((1, 2, 3, 4))
    return torch.where((values < 0) & (batch.index % 5 == 0), torch.nan, values)


def outputs(size: int = 16) -> Tensor:
    return (noise(size, 2, 3, 8, 8) * 0.5 + torch.linspace(-0.5, 0.5, size)[:, None, None, None, None]).contiguous()


def batch(size: int = 16) -> Batch:
    return batch_of(Skill.CHANGING, size, 2, 8)


def filled(chunks: list[list[int]], size: int = 16) -> PerSampleMean:
    metric, edited, whole = PerSampleMean(brightness, "%"), outputs(size), batch(size)
    for chunk in chunks:
        metric.update(edited[chunk], whole.rows(chunk))
    return metric


ALL = list(range(16))


def test_per_sample_mean_by_hand() -> None:
    metric = PerSampleMean(lambda edited, batch: torch.tensor([1.0, math.nan, 4.0]), "dB")
    metric.update(torch.zeros(3, 2, 3, 8, 8), batch(3))
    assert metric.compute() == 2.5
    summary = metric.summary(seed=0)
    assert (summary.mean, summary.n, summary.skipped) == (2.5, 2, 1)
    assert metric.unit == "dB"


@pytest.mark.parametrize("chunks", [[[i] for i in ALL], [ALL[:5], ALL[5:]], [ALL[8:], ALL[:8]]])
def test_per_sample_mean_does_not_depend_on_batch_size_or_order(chunks: list[list[int]]) -> None:
    together, apart = filled([ALL]), filled(chunks)
    assert torch.equal(together.compute(), apart.compute())
    assert together.summary(seed=3) == apart.summary(seed=3)


def test_per_sample_mean_is_no_mean_of_batch_means() -> None:
    values = filled([ALL[:2], ALL[2:]]).samples()[1]
    assert filled([ALL[:2], ALL[2:]]).compute() == values[~values.isnan()].mean()


def test_per_sample_mean_counts_a_repeated_index_once() -> None:
    assert filled([ALL, [3, 3], [0]]).summary(seed=0) == filled([ALL]).summary(seed=0)


def test_per_sample_mean_counts_equal_values_of_different_samples_each() -> None:
    metric = PerSampleMean(lambda edited, batch: torch.tensor([1.0, 1.0, 4.0]), "%")
    metric.update(torch.zeros(3, 2, 3, 8, 8), batch(3))
    assert metric.compute() == 2.0


def test_per_sample_mean_of_nothing_is_nan() -> None:
    metric = PerSampleMean(lambda edited, batch: torch.full((2,), math.nan), "%")
    metric.update(torch.zeros(2, 2, 3, 8, 8), batch(2))
    summary = metric.summary(seed=0)
    assert math.isnan(metric.compute())
    assert math.isnan(summary.mean)
    assert (summary.n, summary.skipped) == (0, 2)
    assert math.isnan(PerSampleMean(brightness, "%").summary(seed=0).mean)


def test_per_sample_mean_refuses_outputs_that_are_not_finite() -> None:
    edited = outputs()
    edited[2, 1, 0, 0, 0], edited[7] = math.nan, math.inf
    with pytest.raises(ValueError, match=r"not finite for box/2, box/7$"):
        PerSampleMean(brightness, "%").update(edited, batch())


def test_per_sample_mean_refuses_outputs_of_another_shape() -> None:
    with pytest.raises(ValueError, match=r"outputs are \(16, 1, 3, 8, 8\), targets \(16, 2, 3, 8, 8\)"):
        PerSampleMean(brightness, "%").update(outputs()[:, :1], batch())


def test_per_sample_mean_cuts_outputs_off_as_a_file_does() -> None:
    metric = PerSampleMean(brightness, "%")
    metric.update(torch.full((2, 2, 3, 8, 8), 7.0), batch(2))
    assert metric.compute() == 1.0


def test_per_sample_mean_takes_outputs_of_half_precision() -> None:
    metric = PerSampleMean(brightness, "%")
    metric.update(outputs().bfloat16(), batch())
    assert metric.compute().dtype == torch.float64
    assert metric.compute().item() == pytest.approx(filled([ALL]).compute().item(), abs=0.01)


def test_per_sample_mean_keeps_float64_through_module_casts() -> None:
    metric = PerSampleMean(brightness, "%").half()
    metric.update(outputs(), batch())
    assert torch.equal(metric.compute(), filled([ALL]).compute())


def test_per_sample_mean_starts_anew_after_reset_and_survives_pickle() -> None:
    metric = filled([ALL])
    assert torch.equal(pickle.loads(pickle.dumps(metric)).compute(), metric.compute())
    metric.reset()
    metric.update(outputs()[:4], batch().rows(ALL[:4]))
    assert torch.equal(metric.compute(), filled([ALL[:4]]).compute())


# --- intervals


def of_values(values: list[float], unit: str = "%", **options: object) -> PerSampleMean:
    metric = PerSampleMean(lambda edited, batch: torch.tensor(values, dtype=torch.float64), unit, **options)
    metric.update(torch.zeros(len(values), 1, 3, 8, 8), batch_of(Skill.CHANGING, len(values), 1, 8))
    return metric


def test_interval_leaves_undefined_samples_out() -> None:
    metric = filled([ALL])
    values = metric.samples()[1].numpy()
    assert np.isnan(values).any()
    assert metric.interval(seed=5) == mean_interval(values[~np.isnan(values)], seed=5)


def test_interval_of_successes_is_wilsons() -> None:
    assert of_values([100.0] * 40).interval(seed=0) == pytest.approx((91.24, 100.0), abs=0.01)
    assert of_values([100.0] * 9 + [math.nan, 0.0]).interval(seed=0) == pytest.approx((59.58, 98.21), abs=0.01)


def test_interval_knows_the_ends_of_a_percentage_only_where_it_keeps_them() -> None:
    near = [97.0, 98.0, 99.0, 98.5]
    ends = {"bounds": (0.0, 100.0)}
    assert of_values(near).interval(seed=0) == mean_interval(np.array(near), 0, bounds=(0.0, 100.0))
    assert of_values(near, "dB").interval(seed=0) == mean_interval(np.array(near), 0)
    assert of_values(near, "dB", **ends).interval(seed=0) == of_values(near).interval(seed=0)
    assert of_values([-5.0, *near]).interval(seed=0) == mean_interval(np.array([-5.0, *near]), 0)
    with pytest.raises(ValueError, match=r"values from -5.0 to 99.0 lie outside of 0.0 .. 100.0"):
        of_values([-5.0, *near], **ends).interval(seed=0)


# --- two processes


def _rank(rank: int, folder: str, chunks: list[list[list[int]]]) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    results = []
    for shares in chunks:
        metric = filled([share for share in [shares[rank]] if share])
        results.append((metric.compute(), metric.summary(seed=3), metric.samples()))
        metric.update(outputs()[:1], batch().rows([0]))  # the metric goes on after it was gathered
        results.append((metric.compute(), metric.summary(seed=3), metric.samples()))
    torch.save(results, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


def test_per_sample_mean_of_two_processes_equals_one(tmp_path: Path) -> None:
    # As a distributed sampler deals 15 samples to two ranks: alternately, the first one repeated to fill up. Then as
    # it goes when one rank has more, and when one has nothing at all.
    expected = filled([ALL[:15]])
    chunks = [[ALL[0:15:2], [*ALL[1:15:2], 0]], [ALL[:4], ALL[2:15]], [ALL[:15], []]]
    mp.spawn(_rank, (str(tmp_path), chunks), nprocs=2)
    for rank in (0, 1):
        results = torch.load(tmp_path / f"{rank}.pt", weights_only=False)
        assert len(results) == 2 * len(chunks)
        for mean, summary, (indices, values) in results:
            assert torch.equal(mean, expected.compute())
            assert summary == expected.summary(seed=3)
            assert indices.tolist() == ALL[:15]
            assert torch.equal(values.nan_to_num(-9), expected.samples()[1].nan_to_num(-9))
