"""The one metric class: means over samples that remember each of them, so that they can say how sure they are."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from veggie_pl.batch import Batch, Clips
from veggie_pl.data.benchmark import Measure, SkillMeasures, Values
from veggie_pl.errors import UseError
from veggie_pl.metrics.intervals import UNBOUNDED, Interval, mean_interval, weighted_interval

Column = Float[Tensor, " n"]  # one number per sample


@dataclass(frozen=True)
class Summary:
    """A mean over samples and how sure it is; NaN where there are too few samples to say."""

    mean: float
    low: float
    high: float
    n: int  # samples that the mean is over
    skipped: int  # samples for which the measure is not defined


class SkillScores(Metric):
    """Means of a skill's measures over samples, each sample counted once.

    The state is the list of values and of the samples' indices: a sample that a distributed sampler repeats to pad the
    ranks is counted once, and nothing depends on batch size, order or ranks. NaN means that a measure is not defined
    for a sample (such as PSNR over an empty region): it is left out of the mean and counted in ``Summary.skipped``. A
    measure that no batch had what it needs for (such as a target) is in no result. Where a measure names a column of
    weights, its mean is the weighted one: so cIoU, a ratio of sums, is the mean of IoUs weighted by their unions.

    Args:
        row: What to compute. ``Measure.bounds`` are the least and greatest value that a sample may have, where samples
            come near to them; infinite where not. None: 0 and 100 for "%", as long as no sample lies beyond them, else
            infinite.
        **kwargs: Passed to ``torchmetrics.Metric``.
    """

    full_state_update = False
    values: list[Tensor] | Tensor
    indices: list[Tensor] | Tensor
    given: Tensor

    def __init__(self, row: SkillMeasures, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.row = row
        # States and the metric itself are float64 (indices are exact up to 2^53): a rank without samples takes part in
        # the gathering with an empty tensor of the metric's own type and of one axis, and these must agree between
        # ranks. So samples x measures lie flat.
        self.set_dtype(torch.float64)
        self.columns = columns_of(row.measures)
        self.add_state("values", [], dist_reduce_fx="cat")
        self.add_state("indices", [], dist_reduce_fx="cat")
        self.add_state("given", torch.zeros(len(self.columns), dtype=torch.float64), dist_reduce_fx="sum")

    def _apply(self, *args: Any, **kwargs: Any) -> "SkillScores":
        """Stay of float64 on another device: torchmetrics calls a metric that was moved one of float32."""
        moved: Any = super()._apply(*args, **kwargs)
        moved._dtype = torch.float64
        return moved  # type: ignore[no-any-return]

    def update(self, edited: Clips, batch: Batch) -> None:
        """Add a batch.

        Args:
            edited: The model's outputs; what lies beyond [-1, 1] is cut off, as it is in a file.
            batch: What was asked, of this skill only: an index seen before is taken for the same sample.

        Raises:
            UseError: If outputs and sources differ in shape, or an output is not finite (a broken model must not
                pass for an undefined measure).
        """
        if edited.shape != batch.source.shape:
            raise UseError(f"outputs are {tuple(edited.shape)}, sources {tuple(batch.source.shape)} (b, f, 3, h, w)")
        finite = edited.isfinite().flatten(1).all(1).tolist()
        if broken := [key for key, ok in zip(batch.key, finite, strict=True) if not ok]:
            raise UseError(f"outputs are not finite for {', '.join(broken)}")
        self.add(self.row(edited.float().clamp(-1, 1), batch), batch.index)

    def add(self, found: Mapping[str, Values], index: Int[Tensor, " b"]) -> None:
        """Add what samples scored, computed here or before.

        Args:
            found: By measure, and by column of weights, one number a sample; NaN where it is not defined.
            index: Of the samples: one seen before is taken for the same.
        """
        names = self.columns
        undefined = torch.full((len(index),), torch.nan)
        columns = [found.get(name, undefined).to(self.device, torch.float64) for name in names]
        assert isinstance(self.values, list)
        assert isinstance(self.indices, list)
        self.values.append(torch.stack(columns, 1).flatten())
        self.indices.append(index.to(self.device, torch.float64))
        self.given = self.given + self.given.new_tensor([name in found for name in names])

    def compute(self) -> dict[str, Float[Tensor, ""]]:
        """Average each measure over all samples of all ranks for which it is defined; NaN if there is none."""
        found = self._distinct()[1]
        return {one.name: _mean(*_weighed(one, found)) for one in self.row.measures if one.name in found}

    def samples(self) -> tuple[Int[Tensor, " n"], dict[str, Column]]:
        """Give index and values of each sample of all ranks, by index; NaN where undefined. All ranks must call it.

        Columns of weights stand among the values.
        """
        with self.sync_context(should_sync=self.sync_on_compute):
            return self._distinct()

    def summaries(self, seed: int, level: float = 0.95) -> dict[str, Summary]:
        """Compute mean, interval and counts of each measure, with one gathering. All ranks must call it.

        What interval, and what it means: ``veggie_pl.metrics.intervals``.

        Args:
            seed: Of what is drawn, which is a function of it and the number of samples alone.
            level: Coverage, in (0, 1).
        """
        found = self.samples()[1]
        return {
            measure.name: _summary(measure, found, seed, level)
            for measure in self.row.measures
            if measure.name in found
        }

    def _distinct(self) -> tuple[Int[Tensor, " n"], dict[str, Column]]:
        """Sort what has been gathered by index, each index once."""
        if len(self.values) == 0:
            return torch.zeros(0, dtype=torch.long), {}
        values, indices = dim_zero_cat(self.values), dim_zero_cat(self.indices).long()
        order = indices.argsort(stable=True)
        indices, values = indices[order], values.view(len(indices), -1)[order]
        is_first = torch.ones_like(indices, dtype=torch.bool)
        is_first[1:] = indices[1:] != indices[:-1]
        columns = zip(self.columns, values[is_first].T.contiguous(), self.given.tolist(), strict=True)
        return indices[is_first], {name: column for name, column, given in columns if given}


def columns_of(measures: tuple[Measure, ...]) -> tuple[str, ...]:
    """Name what is kept of each sample: its measures and, behind them, what these are weighted by."""
    names = (*(one.name for one in measures), *(one.weight for one in measures if one.weight))
    return tuple(dict.fromkeys(names))


def _weighed(
    measure: Measure, found: dict[str, Column]
) -> tuple[Float[Tensor, " known"], Float[Tensor, " known"] | None]:
    """Pick the samples for which a measure is defined, and their weights; None weighs all alike."""
    values = found[measure.name]
    known = ~values.isnan()
    return values[known], found[measure.weight][known] if measure.weight else None


def _mean(values: Column, weights: Column | None) -> Float[Tensor, ""]:
    return values.mean() if weights is None else (weights * values).sum() / weights.sum()


def _summary(measure: Measure, found: dict[str, Column], seed: int, level: float) -> Summary:
    values, weights = _weighed(measure, found)
    defined, bounds = values.cpu().numpy(), _bounds(measure, values.cpu().numpy())
    if weights is None:
        low, high = mean_interval(defined, seed, level, bounds)
        mean = float(defined.mean()) if len(defined) else math.nan
    else:
        mean = float(_mean(values, weights))
        low, high = weighted_interval(defined, weights.cpu().numpy(), level, bounds)
    return Summary(mean, low, high, len(defined), len(found[measure.name]) - len(defined))


def _bounds(measure: Measure, values: Float[np.ndarray, " n"]) -> Interval:
    if measure.bounds is not None:
        return measure.bounds
    is_proportion = measure.unit == "%" and bool(((values >= 0) & (values <= 100)).all())
    return (0.0, 100.0) if is_proportion else UNBOUNDED
