"""Clips of a test for its page: the few that are shown are edited once more, instead of keeping all of them."""

from typing import Any

import torch
from lightning import LightningModule, Trainer

from veggie_pl.batch import collate
from veggie_pl.data.records import BadRecordError
from veggie_pl.metrics.report import SampleScore
from veggie_pl.scoring.page import Shown


class EditedAgain:
    """Gives source, edit and answer of a sample of a test; implements ``ClipSource``.

    All chance of an edit is a function of seed and index, so it is the edit that was scored, but for rounding.

    Args:
        trainer: Its data module holds the benchmark.
        module: What was tested.
    """

    def __init__(self, trainer: Trainer, module: LightningModule) -> None:
        data: Any = getattr(trainer, "datamodule", None)
        benchmark = getattr(data, "test", None)
        self.streams = {} if benchmark is None else benchmark.streams()
        self.trainer, self.module = trainer, module

    @torch.no_grad()
    def __call__(self, sample: SampleScore) -> Shown | None:
        """Read and edit a sample; None where its stream is not there, or the model lies on several devices."""
        stream = self.streams.get(sample.skill)
        if stream is None or self.trainer.world_size > 1:
            return None
        try:
            example = stream[sample.index]
        except BadRecordError:
            return None
        batch = self.module.transfer_batch_to_device(collate([(sample.index, example)]), self.module.device, 0)
        with self.trainer.precision_plugin.test_step_context():
            step: Any = self.module.test_step
            edited = step(batch, 0)["edited"][0].float().clamp(-1, 1).cpu()
        mask = example.mask if example.mask.any() else None
        return Shown(example.source, edited, mask if example.target is None else example.target)
