import math
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from support.metric_batches import batch_of, noise
from torch import Tensor

from veggie_pl.batch import Batch, Skill
from veggie_pl.data.benchmark import Measure
from veggie_pl.metrics import SkillScores, mean_interval
from veggie_pl.metrics.skill_scores import Summary


@dataclass(frozen=True)
class OneMeasure:
    """A row of a single measure."""

    compute: Callable[[Tensor, Batch], Tensor]
    unit: str = "%"
    bounds: tuple[float, float] | None = None
    headline: str = "it"

    @property
    def measures(self) -> tuple[Measure, ...]:
        return (Measure("it", self.unit, self.bounds),)

    def __call__(self, edited: Tensor, batch: Batch) -> dict[str, Tensor]:
        return {"it": self.compute(edited, batch)}


class Sometimes:
    """A row of which one measure has what it needs in batches of early samples only, and one never."""

    headline = "always"
    measures = (Measure("never", "dB", needs=("a judge",)), Measure("always", "dB"), Measure("early", "dB"))

    def __call__(self, edited: Tensor, batch: Batch) -> dict[str, Tensor]:
        values = batch.index.double()
        return {"always": values, **({"early": -values} if batch.index.max() < 5 else {})}


def brightness(edited: Tensor, batch: Batch) -> Tensor:
    """Mean of an output; not defined where that is negative and the sample's index divisible by five."""
    values = edited.double().mean((1, 2, 3, 4))
    return torch.where((values < 0) & (batch.index % 5 == 0), torch.nan, values)


def outputs(size: int = 16) -> Tensor:
    return (noise(size, 2, 3, 8, 8) * 0.5 + torch.linspace(-0.5, 0.5, size)[:, None, None, None, None]).contiguous()


def batch(size: int = 16) -> Batch:
    return batch_of(Skill.CHANGING, size, 2, 8)


def filled(chunks: list[list[int]], size: int = 16) -> SkillScores:
    scores, edited, whole = SkillScores(OneMeasure(brightness)), outputs(size), batch(size)
    for chunk in chunks:
        scores.update(edited[chunk], whole.rows(chunk))
    return scores


def mean(scores: SkillScores) -> Tensor:
    return scores.compute()["it"]


def summary_of(scores: SkillScores, seed: int) -> Summary:
    return scores.summaries(seed)["it"]


def interval(scores: SkillScores, seed: int) -> tuple[float, float]:
    summary = summary_of(scores, seed)
    return summary.low, summary.high


ALL = list(range(16))


def test_skill_scores_by_hand() -> None:
    scores = SkillScores(OneMeasure(lambda edited, batch: torch.tensor([1.0, math.nan, 4.0]), "dB"))
    scores.update(torch.zeros(3, 2, 3, 8, 8), batch(3))
    assert mean(scores) == 2.5
    summary = summary_of(scores, seed=0)
    assert (summary.mean, summary.n, summary.skipped) == (2.5, 2, 1)


@pytest.mark.parametrize("chunks", [[[i] for i in ALL], [ALL[:5], ALL[5:]], [ALL[8:], ALL[:8]]])
def test_skill_scores_do_not_depend_on_batch_size_or_order(chunks: list[list[int]]) -> None:
    together, apart = filled([ALL]), filled(chunks)
    assert torch.equal(mean(together), mean(apart))
    assert summary_of(together, seed=3) == summary_of(apart, seed=3)


def test_mean_is_no_mean_of_batch_means() -> None:
    values = filled([ALL[:2], ALL[2:]]).samples()[1]["it"]
    assert mean(filled([ALL[:2], ALL[2:]])) == values[~values.isnan()].mean()


def test_skill_scores_count_a_repeated_index_once() -> None:
    assert summary_of(filled([ALL, [3, 3], [0]]), seed=0) == summary_of(filled([ALL]), seed=0)


def test_skill_scores_count_equal_values_of_different_samples_each() -> None:
    scores = SkillScores(OneMeasure(lambda edited, batch: torch.tensor([1.0, 1.0, 4.0]), "%"))
    scores.update(torch.zeros(3, 2, 3, 8, 8), batch(3))
    assert mean(scores) == 2.0


def test_skill_scores_of_nothing_is_nan() -> None:
    scores = SkillScores(OneMeasure(lambda edited, batch: torch.full((2,), math.nan), "%"))
    scores.update(torch.zeros(2, 2, 3, 8, 8), batch(2))
    summary = summary_of(scores, seed=0)
    assert math.isnan(mean(scores))
    assert math.isnan(summary.mean)
    assert (summary.n, summary.skipped) == (0, 2)
    nothing = SkillScores(OneMeasure(brightness))
    assert nothing.summaries(seed=0) == {}
    assert nothing.samples()[1] == {}


def test_skill_scores_refuse_outputs_that_are_not_finite() -> None:
    edited = outputs()
    edited[2, 1, 0, 0, 0], edited[7] = math.nan, math.inf
    with pytest.raises(ValueError, match=r"not finite for box/2, box/7$"):
        SkillScores(OneMeasure(brightness)).update(edited, batch())


def test_skill_scores_refuse_outputs_of_another_shape() -> None:
    with pytest.raises(ValueError, match=r"outputs are \(16, 1, 3, 8, 8\), sources \(16, 2, 3, 8, 8\)"):
        SkillScores(OneMeasure(brightness)).update(outputs()[:, :1], batch())


def test_skill_scores_cut_outputs_off_as_a_file_does() -> None:
    scores = SkillScores(OneMeasure(brightness))
    scores.update(torch.full((2, 2, 3, 8, 8), 7.0), batch(2))
    assert mean(scores) == 1.0


def test_skill_scores_take_outputs_of_half_precision() -> None:
    scores = SkillScores(OneMeasure(brightness))
    scores.update(outputs().bfloat16(), batch())
    assert mean(scores).dtype == torch.float64
    assert mean(scores).item() == pytest.approx(mean(filled([ALL])).item(), abs=0.01)


def test_skill_scores_keep_float64_through_module_casts() -> None:
    scores = SkillScores(OneMeasure(brightness)).half()
    scores.update(outputs(), batch())
    assert torch.equal(mean(scores), mean(filled([ALL])))


def test_skill_scores_start_anew_after_reset_and_survive_pickle() -> None:
    scores = filled([ALL])
    assert torch.equal(mean(pickle.loads(pickle.dumps(scores))), mean(scores))
    scores.reset()
    scores.update(outputs()[:4], batch().rows(ALL[:4]))
    assert torch.equal(mean(scores), mean(filled([ALL[:4]])))


def test_skill_scores_leave_out_what_no_batch_had_what_it_needs_for() -> None:
    scores, whole = SkillScores(Sometimes()), batch()
    for chunk in (ALL[:4], ALL[4:]):
        scores.update(outputs()[chunk], whole.rows(chunk))
    assert {name: float(value) for name, value in scores.compute().items()} == {"always": 7.5, "early": -1.5}
    counts = {name: (one.n, one.skipped) for name, one in scores.summaries(seed=0).items()}
    assert counts == {"always": (16, 0), "early": (4, 12)}


class Weighted:
    """A row of which one measure is weighted by a column that is no measure."""

    headline = "ratio"
    measures = (Measure("plain", "%"), Measure("ratio", "%", weight="size"))

    def __call__(self, edited: Tensor, batch: Batch) -> dict[str, Tensor]:
        values = batch.index.double()
        return {"plain": values, "ratio": torch.where(values == 2, torch.nan, values), "size": 10 - values}


def test_weighted_means_are_ratios_of_sums_over_all_samples() -> None:
    scores, whole = SkillScores(Weighted()), batch()
    for chunk in ([3, 0], [1, 2], [3]):
        scores.update(outputs()[chunk], whole.rows(chunk))
    ratio = (10 * 0 + 9 * 1 + 7 * 3) / (10 + 9 + 7)
    assert {name: float(value) for name, value in scores.compute().items()} == pytest.approx(
        {"plain": 1.5, "ratio": ratio}
    )
    summaries = scores.summaries(seed=0)
    assert list(summaries) == ["plain", "ratio"]
    assert (summaries["ratio"].mean, summaries["ratio"].n, summaries["ratio"].skipped) == (pytest.approx(ratio), 3, 1)
    assert scores.samples()[1]["size"].tolist() == [10.0, 9.0, 8.0, 7.0]


# --- intervals


def of_values(values: list[float], unit: str = "%", **options: object) -> SkillScores:
    scores = SkillScores(OneMeasure(lambda edited, batch: torch.tensor(values, dtype=torch.float64), unit, **options))
    scores.update(torch.zeros(len(values), 1, 3, 8, 8), batch_of(Skill.CHANGING, len(values), 1, 8))
    return scores


def test_interval_leaves_undefined_samples_out() -> None:
    scores = filled([ALL])
    values = scores.samples()[1]["it"].numpy()
    assert np.isnan(values).any()
    assert interval(scores, seed=5) == mean_interval(values[~np.isnan(values)], seed=5)


def test_interval_of_successes_is_wilsons() -> None:
    assert interval(of_values([100.0] * 40), seed=0) == pytest.approx((91.24, 100.0), abs=0.01)
    assert interval(of_values([100.0] * 9 + [math.nan, 0.0]), seed=0) == pytest.approx((59.58, 98.21), abs=0.01)


def test_interval_knows_the_ends_of_a_percentage_only_where_it_keeps_them() -> None:
    near = [97.0, 98.0, 99.0, 98.5]
    ends = {"bounds": (0.0, 100.0)}
    assert interval(of_values(near), seed=0) == mean_interval(np.array(near), 0, bounds=(0.0, 100.0))
    assert interval(of_values(near, "dB"), seed=0) == mean_interval(np.array(near), 0)
    assert interval(of_values(near, "dB", **ends), seed=0) == interval(of_values(near), seed=0)
    assert interval(of_values([-5.0, *near]), seed=0) == mean_interval(np.array([-5.0, *near]), 0)
    with pytest.raises(ValueError, match=r"values from -5.0 to 99.0 lie outside of 0.0 .. 100.0"):
        interval(of_values([-5.0, *near], **ends), seed=0)


# --- two processes


def _rank(rank: int, folder: str, chunks: list[list[list[int]]]) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    results = []
    for shares in chunks:
        scores = filled([share for share in [shares[rank]] if share])
        results.append((mean(scores), summary_of(scores, seed=3), scores.samples()))
        scores.update(outputs()[:1], batch().rows([0]))  # the metric goes on after it was gathered
        results.append((mean(scores), summary_of(scores, seed=3), scores.samples()))
    sometimes = SkillScores(Sometimes())
    if rank == 1:
        sometimes.update(outputs()[:4], batch().rows(ALL[:4]))
    results.append(sometimes.compute())
    weighted = SkillScores(Weighted())
    if rank == 0:
        weighted.update(outputs()[:4], batch().rows(ALL[:4]))
    results.append(weighted.compute())
    torch.save(results, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


def test_skill_scores_of_two_processes_equal_one(tmp_path: Path) -> None:
    # As a distributed sampler deals 15 samples to two ranks: alternately, the first one repeated to fill up. Then as
    # it goes when one rank has more, and when one has nothing at all.
    expected = filled([ALL[:15]])
    chunks = [[ALL[0:15:2], [*ALL[1:15:2], 0]], [ALL[:4], ALL[2:15]], [ALL[:15], []]]
    mp.start_processes(_rank, (str(tmp_path), chunks), nprocs=2, start_method="spawn")
    for rank in (0, 1):
        results = torch.load(tmp_path / f"{rank}.pt", weights_only=False)
        assert results.pop()["ratio"].item() == pytest.approx(30 / 26)
        assert results.pop() == {"always": 1.5, "early": -1.5}
        assert len(results) == 2 * len(chunks)
        for found, summary, (indices, values) in results:
            assert torch.equal(found, mean(expected))
            assert summary == summary_of(expected, seed=3)
            assert indices.tolist() == ALL[:15]
            assert torch.equal(values["it"].nan_to_num(-9), expected.samples()[1]["it"].nan_to_num(-9))


def test_metric_that_is_moved_gathers_float64_still() -> None:
    """A rank without samples sends an empty tensor of the metric's own type, which must be that of the others."""
    scores = SkillScores(OneMeasure(brightness)).to("cpu")
    assert scores.dtype == torch.float64
    assert scores.given.dtype == torch.float64
