"""The mixture for fit, one loader per skill for validation and test."""

import math
from collections.abc import Sequence
from typing import Any

import lightning as L
from torch.utils.data import DataLoader, Dataset

from veggie_pl.batch import Numbered, collate
from veggie_pl.data.benchmark import Benchmark
from veggie_pl.data.mixture import BatchSampler, Indexed, Mixture, Weighted


class VeggieDataModule(L.LightningDataModule):
    """Mixes editing, grounding and reasoning streams.

    Its state is one integer: how many samples of the mixture have been trained on, over all ranks. Resuming continues
    at the exact next sample, also with another batch size or number of ranks.

    Args:
        streams: The training mixture, by name.
        val: What is looked at during training.
        test: What is scored at the end.
        batch_size: Training clips per rank and step.
        eval_batch_size: Clips per step in validation and test.
        num_val: Validation clips per skill.
        num_test: Test clips per skill.
        num_workers: Processes that make samples; 0 makes them in the training process.
        timeout: Seconds that a worker may take for a batch before the run ends; 0 waits for ever.
        seed: Seeds the order of the mixture.
        block: Samples in a row that are of one shape, where some streams have images and others clips: a multiple of
            batch size x ranks. The order of the mixture depends on it.
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
    ) -> None:
        super().__init__()
        if batch_size < 1 or eval_batch_size < 1:
            raise ValueError(f"batch sizes must be at least 1, got {batch_size} and {eval_batch_size}")
        self.mixture = Mixture(streams, seed, block)
        self.val, self.test = val, test
        self.batch_size, self.eval_batch_size = batch_size, eval_batch_size
        self.num_val, self.num_test = num_val, num_test
        self.num_workers, self.timeout = num_workers, timeout
        self._start = 0  # samples trained on before the current loader was made
        self._processed: int | None = None  # batches that Lightning had counted by then; None: no loader yet

    @property
    def position(self) -> int:
        """Samples of the mixture trained on so far: the index of the next one."""
        if self.trainer is None or self._processed is None:
            return self._start
        return self._start + (self._count_batches() - self._processed) * self.batch_size * self.trainer.world_size

    def train_dataloader(self) -> DataLoader[Numbered]:
        """The mixture from the current position on.

        Raises:
            ValueError: If streams differ in shape and a batch would reach from one block into the next.
        """
        assert self.trainer is not None
        self._start, self._processed = self.position, self._count_batches()
        self._check_blocks(self.batch_size * self.trainer.world_size)
        sampler = BatchSampler(self._start, self.batch_size, self.trainer.global_rank, self.trainer.world_size)
        return DataLoader(self.mixture, batch_sampler=sampler, **self._loading())

    def val_dataloader(self) -> list[DataLoader[Numbered]]:
        """One loader per skill."""
        return self._held_out("val", self.val, self.num_val)

    def test_dataloader(self) -> list[DataLoader[Numbered]]:
        """One loader per skill."""
        return self._held_out("test", self.test, self.num_test)

    def state_dict(self) -> dict[str, int]:
        """Where the mixture stands."""
        return {"position": self.position}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Continue there."""
        self._start, self._processed = state_dict["position"], None

    def _count_batches(self) -> int:
        # Lightning's own counter of batches whose step is done: saved with its loops, and already raised when
        # callbacks write a checkpoint at the end of a batch, unlike `completed`.
        assert self.trainer is not None
        total: Any = self.trainer.fit_loop.epoch_loop.batch_progress.total
        return int(total.processed)

    def _check_blocks(self, at_once: int) -> None:
        if len(self.mixture.buckets) == 1:
            return
        if self.mixture.block % at_once:
            raise ValueError(
                f"data.block is {self.mixture.block}, no multiple of batch size x ranks, {at_once}: a batch would mix "
                f"images and clips. Set data.block to {-(-self.mixture.block // at_once) * at_once}"
            )
        if self._start % at_once:
            raise ValueError(
                f"{self._start} samples were trained on, no multiple of batch size x ranks, {at_once}: a batch would "
                f"mix images and clips. Go on with {math.gcd(self._start, at_once)} samples a step or fewer"
            )

    def _held_out(self, split: str, benchmark: Benchmark | None, length: int) -> list[DataLoader[Numbered]]:
        streams = benchmark.streams().items() if benchmark else []
        trainer = self.trainer
        ranks = (0, 1) if trainer is None else (trainer.global_rank, trainer.world_size)
        sets: Sequence[Dataset[Numbered]] = [
            Indexed(stream, length, *ranks, f"{split}/{name}") for name, stream in streams
        ]
        return [DataLoader(held_out, batch_size=self.eval_batch_size, **self._loading()) for held_out in sets]

    def _loading(self) -> dict[str, Any]:
        return {
            "collate_fn": collate,
            "num_workers": self.num_workers,
            "prefetch_factor": 4 if self.num_workers else None,
            "timeout": self.timeout if self.num_workers else 0,
        }
