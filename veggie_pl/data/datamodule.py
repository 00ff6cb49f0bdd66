"""The mixture for fit, one loader per skill for validation and test."""

import logging
import math
import re
from collections.abc import Sequence
from typing import Any

import lightning as L
from torch.utils.data import DataLoader, Dataset

from veggie_pl.batch import Batch, MissingSample, Numbered, collate
from veggie_pl.data.benchmark import Benchmark
from veggie_pl.data.mixture import BatchSampler, Indexed, Mixture, Weighted
from veggie_pl.data.mixture_report import far_larger, planned, summary
from veggie_pl.data.workers import start_worker
from veggie_pl.errors import UseError
from veggie_pl.models.fit import check_lengths

log = logging.getLogger(__name__)
WRITTEN = "written"  # what streams in written wordings are named by, as those of a split are


class VeggieDataModule(L.LightningDataModule):
    """Mixes editing, grounding and reasoning streams.

    Its state is three integers: how many samples of the mixture have been trained on, over all ranks, in how many
    batches, and a fingerprint of the mixture. Resuming continues at the exact next sample, also with another batch size
    or number of ranks. The loader has no state, so none can be lost on the way to it.

    Args:
        streams: The training mixture, by name.
        val: What is looked at during training.
        test: What is scored at the end.
        batch_size: Training clips per rank and step.
        eval_batch_size: Clips per step in validation and test.
        num_val: Validation clips per skill.
        num_test: Test clips per skill.
        num_written: Test clips per skill, the first of ``test``, that are asked for once more in written wordings
            (``instructions.written``), for a second table. 0 asks none; they cost as much as other clips.
        num_workers: Processes that make samples; 0 makes them in the training process.
        timeout: Seconds that a worker may take for a batch before the run ends; 0 waits for ever.
        seed: Seeds the order of the mixture.
        block: Samples in a row that are of one shape, where some streams have images and others clips: a multiple of
            batch size x ranks. The order of the mixture depends on it.
        allow_changed_mixture: Resume although streams, weights, lengths, seed or block are not those of the checkpoint:
            the changed mixture goes on at the same number of samples. Its streams stand where they would had it been
            used from the start, so rows of a stream's current epoch may come twice or not at all.
    """

    def __init__(
        self,
        streams: dict[str, Weighted],
        val: Benchmark | None = None,
        test: Benchmark | None = None,
        batch_size: int = 16,
        eval_batch_size: int = 16,
        num_val: int = 16,
        num_test: int = 200,
        num_workers: int = 1,
        seed: int = 0,
        block: int = 64,
        timeout: float = 300.0,
        allow_changed_mixture: bool = False,
        num_written: int = 0,
    ) -> None:
        super().__init__()
        if batch_size < 1 or eval_batch_size < 1:
            raise UseError(f"batch sizes must be at least 1, got {batch_size} and {eval_batch_size}")
        self.written = test.in_written_words() if num_written and test else None
        if num_written and self.written is None:
            raise UseError(f"num_written {num_written}: there are no written wordings for {type(test).__name__}")
        self.num_written = num_written
        self.mixture = Mixture(streams, seed, block)
        self.val, self.test = val, test
        self.batch_size, self.eval_batch_size = batch_size, eval_batch_size
        self.num_val, self.num_test = num_val, num_test
        self.num_workers, self.timeout = num_workers, timeout
        self.allow_changed_mixture = allow_changed_mixture
        self._start = 0  # samples trained on before this run
        self._processed: int | None = None  # batches that Lightning had counted by then; None: not known yet

    def setup(self, stage: str) -> None:
        """Say what a run is going to see.

        Raises:
            UseError: If the codec of the model does not take clips of these lengths whole.
        """
        if stage == "fit":
            self._processed = None  # another run of this process may have counted
            codec = getattr(getattr(self.trainer, "lightning_module", None), "vae", None)
            if codec is not None:
                check_lengths(codec, self.clip_lengths())
            if self.trainer is not None and self.trainer.is_global_zero:
                log.info("%s", summary(self.mixture, planned(self.trainer, self.batch_size, self.trainer.world_size)))
                if (size := getattr(self.trainer.lightning_module, "size", None)) is not None:
                    for line in far_larger(self.mixture, size):
                        log.warning("%s", line)

    @property
    def position(self) -> int:
        """Samples of the mixture trained on so far: the index of the next one."""
        if self.trainer is None or self._processed is None:
            return self._start
        # Below zero where Lightning asks for the loader before it restores its own counters.
        done = max(0, self._count_batches() - self._processed)
        return self._start + done * self.batch_size * self.trainer.world_size

    def train_dataloader(self) -> DataLoader[Numbered]:
        """The mixture from the current position on.

        Raises:
            UseError: If streams differ in shape and a batch would reach from one block into the next.
        """
        assert self.trainer is not None
        if self._processed is None:
            self._processed = self._count_batches()
        self.check_blocks(self.batch_size * self.trainer.world_size)
        ranks = self.trainer.global_rank, self.trainer.world_size
        sampler = BatchSampler(lambda: self.position, self.batch_size, *ranks)
        return DataLoader(self.mixture, batch_sampler=sampler, **self._loading())

    def val_dataloader(self) -> list[DataLoader[Numbered]]:
        """One loader per skill."""
        return self._held_out("val", self.val, self.num_val)

    def test_dataloader(self) -> list[DataLoader[Numbered]]:
        """One loader per skill, and one more for its written wordings."""
        own = self._held_out("test", self.test, self.num_test)
        return own + self._held_out(WRITTEN, self.written, self.num_written)

    def clip_lengths(self) -> dict[str, set[int]]:
        """Tell how many frames the clips of each stream of training and validation have, where its records say so."""
        found: dict[str, set[int]] = {}
        named = [(group.stream, group.bucket) for group in self.mixture.groups]
        named += [(name, stream.bucket) for name, stream in (self.val.streams() if self.val else {}).items()]
        for name, bucket in named:
            if count := re.match(r"(\d+)x\d+x\d+$", bucket):
                found.setdefault(name, set()).add(int(count[1]))
        return found

    def on_before_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Leave out what the model cannot be asked: how long an instruction is, only its own tokenizer knows."""
        mllm = getattr(getattr(self.trainer, "lightning_module", None), "mllm", None)
        prompt = getattr(mllm, "prompt", None)
        if prompt is None:
            return batch
        prompt.read([batch.instruction[row] for row in batch.good])
        faults = {row: prompt.fault(batch.instruction[row]) for row in batch.good}
        frames, _, height, width = batch.source.shape[1:]
        found = {}
        for row, reason in faults.items():
            if reason is not None:
                example = batch.examples[row]
                bucket = f"{frames}x{height}x{width}"
                found[row] = MissingSample(example.stream, example.row, example.key, reason, bucket)
        return batch.without(found) if found else batch

    def state_dict(self) -> dict[str, int]:
        """Where the mixture stands, and which mixture.

        Batches whose step is not done, where gradients are gathered over several, do not count: they come again.
        """
        open_batches = 0 if self.trainer is None else batches_without_step(self.trainer)
        batches = 0 if self.trainer is None else self._count_batches() - open_batches
        at_once = 1 if self.trainer is None else self.batch_size * self.trainer.world_size
        position = self.position - open_batches * at_once
        return {"position": position, "batches": batches, "fingerprint": self.mixture.fingerprint()}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Continue there.

        Raises:
            UseError: If it is the state of another mixture and ``allow_changed_mixture`` is off.
        """
        position, own = state_dict["position"], self.mixture.fingerprint()
        if state_dict.get("fingerprint", own) != own:
            if not self.allow_changed_mixture:
                raise UseError(
                    f"the checkpoint was written after {position} samples of another mixture: streams, weights, rows, "
                    "seed or block differ (a fingerprint is kept, which does not tell what). Go on with the config it "
                    "was written with; or with this mixture from the same number of samples, by "
                    "--data.allow_changed_mixture true; or start a new run from its weights, by --init_from.folders"
                )
            log.warning("another mixture than the checkpoint's goes on after %d samples", position)
        self._start, self._processed = position, state_dict.get("batches")
        if self.trainer is not None:  # a strategy that restores late may have made the loader, and read from it
            self.trainer.fit_loop._combined_loader = None

    def _count_batches(self) -> int:
        # Lightning's own counter of batches whose step is done: saved with its loops, and already raised when
        # callbacks write a checkpoint at the end of a batch, unlike `completed`.
        assert self.trainer is not None
        total: Any = self.trainer.fit_loop.epoch_loop.batch_progress.total
        return int(total.processed)

    def check_blocks(self, at_once: int) -> None:
        """Look whether steps of ``at_once`` samples fit into the blocks of one shape.

        Raises:
            UseError: If they do not; the message names a block, or a step, that does.
        """
        if len(self.mixture.buckets) == 1:
            return
        if self.mixture.block % at_once:
            raise UseError(
                f"data.block is {self.mixture.block}, no multiple of batch size x ranks, {at_once}: a batch would mix "
                f"images and clips. Set data.block to {-(-self.mixture.block // at_once) * at_once}"
            )
        if self.position % at_once:
            raise UseError(
                f"{self.position} samples were trained on, no multiple of batch size x ranks, {at_once}: a batch would "
                f"mix images and clips. Go on with {math.gcd(self.position, at_once)} samples a step or fewer"
            )

    def _held_out(self, split: str, benchmark: Benchmark | None, length: int) -> list[DataLoader[Numbered]]:
        streams = benchmark.streams().items() if benchmark else []
        trainer = self.trainer
        ranks = (0, 1) if trainer is None else (trainer.global_rank, trainer.world_size)
        sets: Sequence[Dataset[Numbered]] = [
            Indexed(stream, length, *ranks, f"{split}/{name}") for name, stream in streams
        ]
        return [DataLoader(held_out, batch_size=self.eval_batch_size, **self._loading()) for held_out in sets]

    def _is_on_gpu(self) -> bool:
        strategy: Any = getattr(self.trainer, "strategy", None)
        return bool(strategy is not None and strategy.root_device.type == "cuda")

    def _loading(self) -> dict[str, Any]:
        return {
            "collate_fn": collate,
            "num_workers": self.num_workers,
            "prefetch_factor": 4 if self.num_workers else None,
            "timeout": self.timeout if self.num_workers else 0,
            "worker_init_fn": start_worker,
            "pin_memory": self._is_on_gpu(),  # copies to a GPU then go on while the host does
        }


def batches_without_step(trainer: Any) -> int:
    """Batches read since the last optimizer step: their gradients are in no checkpoint."""
    progress = trainer.fit_loop.epoch_loop.batch_progress
    done = progress.current.processed
    epoch_is_over = progress.is_last_batch and progress.current.ready == done
    if epoch_is_over or done == trainer.num_training_batches:  # an epoch ends with a step
        return 0
    return int(done % trainer.accumulate_grad_batches)
