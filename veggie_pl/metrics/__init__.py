"""How outputs are scored: measures per sample, means with intervals, one row of metrics per skill, reports."""

from veggie_pl.metrics.intervals import mean_interval
from veggie_pl.metrics.per_sample import PerSampleMean
from veggie_pl.metrics.skills import SKILL_MEASURES, skill_metrics

__all__ = ["SKILL_MEASURES", "PerSampleMean", "mean_interval", "skill_metrics"]
