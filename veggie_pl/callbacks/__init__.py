"""Callbacks: they freeze, initialise, watch, score and save; none of them computes a loss."""

from veggie_pl.callbacks.caches import Caches
from veggie_pl.callbacks.charts import Charts
from veggie_pl.callbacks.compiling import Compile
from veggie_pl.callbacks.copying import Copying
from veggie_pl.callbacks.cuda_graphs import CudaGraphs
from veggie_pl.callbacks.ema import Ema
from veggie_pl.callbacks.ema_gap import EmaGap
from veggie_pl.callbacks.error_budget import ErrorBudget
from veggie_pl.callbacks.evaluate import Evaluate
from veggie_pl.callbacks.finite import StopAtNaN
from veggie_pl.callbacks.freeze import Freeze
from veggie_pl.callbacks.grad_cosine import GradCosine
from veggie_pl.callbacks.grad_norms import GradNorms
from veggie_pl.callbacks.hparams import LogConfig
from veggie_pl.callbacks.init_from import InitFrom
from veggie_pl.callbacks.keep_precision import KeepPrecision
from veggie_pl.callbacks.learning_rates import LearningRates
from veggie_pl.callbacks.loss_by_timestep import LossByTimestep
from veggie_pl.callbacks.progress_lines import ProgressLines
from veggie_pl.callbacks.query_spread import QuerySpread
from veggie_pl.callbacks.recipe import Recipe
from veggie_pl.callbacks.samples import Samples
from veggie_pl.callbacks.save_model import SaveModel
from veggie_pl.callbacks.skill_loss import SkillLoss
from veggie_pl.callbacks.step_bar import StepBar
from veggie_pl.callbacks.stopping import StopBetweenSteps
from veggie_pl.callbacks.throughput import Throughput
from veggie_pl.callbacks.whole_steps import WholeSteps
from veggie_pl.callbacks.write_edits import WriteEdits

__all__ = [
    "Caches",
    "Charts",
    "Compile",
    "Copying",
    "CudaGraphs",
    "Ema",
    "EmaGap",
    "ErrorBudget",
    "Evaluate",
    "Freeze",
    "GradCosine",
    "GradNorms",
    "InitFrom",
    "KeepPrecision",
    "LearningRates",
    "LogConfig",
    "LossByTimestep",
    "ProgressLines",
    "QuerySpread",
    "Recipe",
    "Samples",
    "SaveModel",
    "SkillLoss",
    "StepBar",
    "StopAtNaN",
    "StopBetweenSteps",
    "Throughput",
    "WholeSteps",
    "WriteEdits",
]
