"""How outputs are scored: measures per sample, a row of them per skill, means with intervals, reports; and methods."""

from veggie_pl.metrics.edited_files import EditedFiles
from veggie_pl.metrics.intervals import mean_interval
from veggie_pl.metrics.skill_scores import SkillScores
from veggie_pl.metrics.skills import SkillTable

__all__ = ["EditedFiles", "SkillScores", "SkillTable", "mean_interval"]
