"""Start from the weights of an earlier run; a stage is a run that starts from another."""

import logging
from pathlib import Path
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor

from veggie_pl.callbacks.writers import tensorboard_writers
from veggie_pl.errors import UseError
from veggie_pl.inference.which_model import find_model
from veggie_pl.model_folder import record_at
from veggie_pl.model_weights import stored_weights
from veggie_pl.models.erasing import is_erasing
from veggie_pl.models.stored import Stored
from veggie_pl.models.weight_files import check_finite
from veggie_pl.training.record import describe

log = logging.getLogger(__name__)


class InitFrom(Callback):
    """Copy the weights of a model folder into the module before training; every key that does not match is reported.

    An image model goes into a video model: its temporal layers then stay as built, with zero output. Resuming a run
    (``--ckpt_path``) overrides what this loads.

    Args:
        folders: Model folders or patterns such as "runs/stage1/*/model"; the first with a match counts. Of the matches
            of a pattern it is the newest that reached the steps of its recipe; a folder without wildcards is taken as
            it is. None starts from the parts as configured.
        query_words: Where there is no folder, the task queries start as the MLLM's embeddings of these words, one each
            (prompt tuning's vocabulary start, arXiv:2104.08691, Sec. 3.2), and the frame embeddings at zero. None
            starts at random.
        fresh: Module names whose parameters may be absent from the folder.
        skip: Module names whose parameters are not taken from the folder.
    """

    def __init__(
        self,
        folders: list[str] | None = None,
        query_words: list[str] | None = None,
        fresh: list[str] | None = None,
        skip: list[str] | None = None,
    ) -> None:
        self.folders, self.query_words, self.fresh, self.skip = folders, query_words, fresh or [], skip or []

    def setup(self, trainer: Trainer, pl_module: Any, stage: str) -> None:
        """Load the weights.

        Raises:
            UseError: If no folder matches, if shapes differ, if keys are missing that are not listed as fresh, or if
                there are not as many words as queries.
        """
        if stage != "fit":
            return
        if not self.folders:
            self._start_queries(pl_module, tell=trainer.is_global_zero)
            return
        folder = find_model(self.folders, naming="--init_from.folders", tell=trainer.is_global_zero)
        given = {k: v for k, v in stored_weights(folder, pl_module).items() if not _within(k, self.skip)}
        # peft names what an adapter sits on "base_layer"; folders hold plain models
        own = {key.replace(".base_layer.", "."): value for key, value in pl_module.state_dict().items()}
        if differ := [k for k in given if k in own and given[k].shape != tuple(own[k].shape)]:
            lines = [f"{k}: {given[k].shape} in the folder, {tuple(own[k].shape)} in the model" for k in differ]
            raise UseError(f"{folder} does not fit this model: " + "; ".join(lines[:5]))
        missing = [k for k in own if k not in given and not _within(k, self.skip)]
        not_fresh = [k for k in missing if not (_within(k, self.fresh) or _is_added(k, pl_module))]
        if not_fresh:
            raise UseError(f"{folder} lacks {len(not_fresh)} keys, such as {not_fresh[:3]}; list their part as fresh")
        self._copy(pl_module, own, given, folder)
        self.report = self._report(folder, own.keys() & given.keys(), missing, given.keys() - own.keys())
        head, *keys = self.report.splitlines()
        if not trainer.is_global_zero:
            return
        if keys and any(isinstance(logger, TensorBoardLogger) for logger in trainer.loggers):
            log.info("%s (listed in TensorBoard, setup/init_from)", head)  # on_train_start writes them
        else:
            log.info("%s", self.report)

    @torch.no_grad()
    def _copy(self, pl_module: Any, own: dict[str, Tensor], given: dict[str, Stored], folder: Path) -> None:
        """Copy one tensor after another. A part that changes by it is no longer that of the folder it came from."""
        for key in sorted(own.keys() & given.keys()):
            name, _, inside = key.partition(".")
            part = getattr(pl_module, name)
            if own[key].is_meta:  # of an MLLM that is read when it is sharded
                part.origin = part.origin if given[key] is part.pending[inside] else None
                part.pending[inside] = given[key]
                continue
            tensor = given[key].read()
            check_finite({key: tensor}, folder)
            if getattr(part, "origin", None) is not None and not torch.equal(own[key], tensor.to(own[key])):
                part.origin = None
            own[key].copy_(tensor)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the report with the run."""
        for writer in tensorboard_writers(trainer) if self.folders else []:
            writer.add_text("setup/init_from", self.report, trainer.global_step)

    @torch.no_grad()
    def _start_queries(self, pl_module: Any, tell: bool) -> None:
        if self.query_words is None:
            return
        group = pl_module.queries.group
        if len(self.query_words) != len(group):
            raise UseError(f"{len(self.query_words)} query_words for {len(group)} queries; give one each")
        group.copy_(pl_module.mllm.embed_words(self.query_words))
        pl_module.queries.frame.zero_()
        if tell:
            log.info("queries start as the words %s", ", ".join(self.query_words))

    def _report(self, folder: Path, loaded: set[str], missing: list[str], unused: set[str]) -> str:
        counts = f"{len(loaded)} tensors loaded, {len(missing)} as built, {len(unused)} unused"
        lines = [f"weights from {folder} ({describe(record_at(folder))}): {counts}"]
        lines += [f"- as built: {key}" for key in missing] + [f"- unused: {key}" for key in sorted(unused)]
        return "\n".join(lines)


def _is_added(key: str, module: Any) -> bool:
    """Tell whether a parameter is of what a stage adds, which starts with zero output: layers in time, adapters."""
    part, _, name = key.partition(".")
    if "lora_" in key or is_erasing(key):
        return True
    return part == "viddm" and module.viddm.layer_kind(name) == "temporal"


def _within(key: str, parts: list[str]) -> bool:
    return any(key == part or key.startswith(f"{part}.") for part in parts)
