"""The one metric class: a mean over samples that remembers each of them, so that it can say how sure it is."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from veggie_pl.batch import Batch, Clips
from veggie_pl.errors import UseError
from veggie_pl.metrics.intervals import UNBOUNDED, Interval, mean_interval

Measure = Callable[[Clips, Batch], Float[Tensor, " b"]]  # outputs, what was asked -> one number per sample or NaN


@dataclass(frozen=True)
class Summary:
    """A mean over samples and how sure it is; NaN where there are too few samples to say."""

    mean: float
    low: float
    high: float
    n: int  # samples that the mean is over
    skipped: int  # samples for which the measure is not defined


class PerSampleMean(Metric):
    """Mean of a measure over samples, each counted once.

    The state is the list of values and of the samples' indices: a sample that a distributed sampler repeats to pad the
    ranks is counted once, and nothing depends on batch size, order or ranks. NaN means that the measure is not defined
    for a sample (such as PSNR over an empty region): it is left out of the mean and counted in ``Summary.skipped``.

    Args:
        measure: Outputs and batch -> one number per sample, the higher the better, NaN where it is not defined.
        unit: What the numbers are in: "%", "dB", ...
        bounds: Least and greatest value that a sample may have, where samples come near to them; infinite where not.
            None: 0 and 100 for "%", as long as no sample lies beyond them, else infinite.
        **kwargs: Passed to ``torchmetrics.Metric``.
    """

    full_state_update = False
    higher_is_better = True
    values: list[Tensor] | Tensor
    indices: list[Tensor] | Tensor

    def __init__(self, measure: Measure, unit: str, bounds: Interval | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.measure = measure
        self.unit = unit
        self.bounds = bounds
        # Both states and the metric itself are float64 (indices are exact up to 2^53): a rank without samples takes
        # part in the gathering with an empty tensor of the metric's own type, and types must agree between ranks.
        self.set_dtype(torch.float64)
        self.add_state("values", [], dist_reduce_fx="cat")
        self.add_state("indices", [], dist_reduce_fx="cat")

    def update(self, edited: Clips, batch: Batch) -> None:
        """Add a batch.

        Args:
            edited: The model's outputs; what lies beyond [-1, 1] is cut off, as it is in a file.
            batch: What was asked, of this skill only: an index seen before is taken for the same sample.

        Raises:
            UseError: If outputs and targets differ in shape, or an output is not finite (a broken model must not
                pass for an undefined measure).
        """
        if edited.shape != batch.target.shape:
            raise UseError(f"outputs are {tuple(edited.shape)}, targets {tuple(batch.target.shape)} (b, f, 3, h, w)")
        finite = edited.isfinite().flatten(1).all(1).tolist()
        if broken := [key for key, ok in zip(batch.key, finite, strict=True) if not ok]:
            raise UseError(f"outputs are not finite for {', '.join(broken)}")
        values = self.measure(edited.float().clamp(-1, 1), batch)
        assert isinstance(self.values, list)
        assert isinstance(self.indices, list)
        self.values.append(values.to(self.device, torch.float64))
        self.indices.append(batch.index.to(self.device, torch.float64))

    def compute(self) -> Float[Tensor, ""]:
        """The mean over all samples of all ranks for which the measure is defined; NaN if there is none."""
        values = self._distinct()[1]
        return values[~values.isnan()].mean()

    def samples(self) -> tuple[Int[Tensor, " n"], Float[Tensor, " n"]]:
        """Index and value of each sample of all ranks, by index; NaN where undefined. All ranks must call it."""
        with self.sync_context(should_sync=self.sync_on_compute):
            return self._distinct()

    def summary(self, seed: int, level: float = 0.95) -> Summary:
        """Mean, interval and counts, with one gathering. All ranks must call it.

        What interval, and what it means: ``veggie_pl.metrics.intervals``.

        Args:
            seed: Chance is a function of the seed and the number of samples alone.
            level: Coverage, in (0, 1).
        """
        values = self.samples()[1].cpu().numpy()
        defined = values[~np.isnan(values)]
        low, high = mean_interval(defined, seed, level, self._bounds_of(defined))
        mean = float(defined.mean()) if len(defined) else math.nan
        return Summary(mean, low, high, len(defined), len(values) - len(defined))

    def interval(self, seed: int, level: float = 0.95) -> Interval:
        """Low and high of ``summary``; NaN for fewer than two samples. All ranks must call it."""
        summary = self.summary(seed, level)
        return summary.low, summary.high

    def _bounds_of(self, values: Float[np.ndarray, " n"]) -> Interval:
        if self.bounds is not None:
            return self.bounds
        is_share = self.unit == "%" and bool(((values >= 0) & (values <= 100)).all())
        return (0.0, 100.0) if is_share else UNBOUNDED

    def _distinct(self) -> tuple[Int[Tensor, " n"], Float[Tensor, " n"]]:
        """What has been gathered, sorted by index, each index once."""
        if len(self.values) == 0:
            return torch.zeros(0, dtype=torch.long), torch.zeros(0, dtype=torch.float64)
        values, indices = dim_zero_cat(self.values), dim_zero_cat(self.indices).long()
        order = indices.argsort(stable=True)
        indices, values = indices[order], values[order]
        is_first = torch.ones_like(indices, dtype=torch.bool)
        is_first[1:] = indices[1:] != indices[:-1]
        return indices[is_first], values[is_first]
