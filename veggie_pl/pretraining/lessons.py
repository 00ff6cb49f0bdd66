"""What stage 0 learns from: captions of scenes, and requests with their forms."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import lightning as L
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler, Subset

from veggie_pl.batch import Clip, Clips
from veggie_pl.data.mixture import BatchSampler
from veggie_pl.data.shapes import ShapesRecords
from veggie_pl.data.shapes.language import Form, caption, request_form
from veggie_pl.data.workers import start_worker
from veggie_pl.errors import UseError
from veggie_pl.pretraining.pictured import Pictured, PicturedRow


@dataclass
class Shown:
    """Clips and where they stand among the lessons."""

    source: Clips
    index: Int[Tensor, " b"]

    @property
    def good(self) -> list[int]:
        """All rows: what is made here can always be read."""
        return list(range(len(self.index)))


@dataclass
class Talk(Shown):
    """Clips with a question and its answer."""

    question: list[str]
    answer: list[str]


@dataclass
class Forms(Shown):
    """Clips with a request and its form, one for each frame."""

    request: list[str]
    form: list[list[Form]]
    pictures: Float[Tensor, "b r 3 h w"] | None = None  # that stand before the clip, and the request speaks of


Row = tuple[int, Clip, str, str | list[Form]]


class Captions(Dataset[Row]):
    """Dense captions of a world's scenes."""

    def __init__(self, records: ShapesRecords) -> None:
        self.records = records

    def __getitem__(self, index: int) -> Row:
        scene, _, _ = self.records.draw(index)
        return index, self.records[index].source, "Describe the video.", caption(scene, self.records.num_frames)


class Requests(Dataset[Row]):
    """Requests with their forms, in the words of the records: a grammar of theirs is how a model hears many."""

    def __init__(self, records: ShapesRecords) -> None:
        self.records = records

    def __getitem__(self, index: int) -> Row:
        records = self.records
        scene, edit, instruction = records.draw(index)
        return index, records[index].source, instruction, request_form(edit, scene, records.num_frames)


class Lessons(Dataset[Row | PicturedRow]):
    """Of four groups of examples, one is of captions and two of requests about images, and one of requests about clips.

    Args:
        images: Scenes as pictures.
        clips: Scenes as clips.
        group: Examples that follow each other in one form, so that a batch can be stacked.
        pictured: Of eight groups, 0 to 4 of the four of requests about images have other pictures before the image:
            a reference, and in every other sixteen groups an example before and after.
    """

    def __init__(self, images: ShapesRecords, clips: ShapesRecords, group: int = 1, pictured: int = 0) -> None:
        plain: list[Dataset[Any]] = [Captions(images), Requests(images), Requests(images), Requests(clips)]
        self.parts: list[Dataset[Any]] = []
        for example in (False, True):
            eight = [*plain, *plain]
            for place in (6, 2, 5, 1)[:pictured]:
                eight[place] = Pictured(images, example)
            self.parts += eight
        self.group = group

    def __getitem__(self, index: int) -> Row | PicturedRow:
        found: Row | PicturedRow = self.parts[index // self.group % len(self.parts)][index]
        return found


class FewerClips(Sampler[list[int]]):
    """Batches of lessons, those of clips cut short: a clip costs as much as a picture for each of its frames.

    Args:
        batches: Indices of each batch; what is cut off is not made up for later, so a step's examples stay where they
            are.
        group: As of the lessons.
        num_clips: Clips that are left.
    """

    def __init__(self, batches: Iterable[list[int]], group: int, num_clips: int) -> None:
        self.batches, self.group, self.num_clips = batches, group, num_clips

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self.batches:
            yield batch[: self.num_clips] if batch[0] // self.group % 4 == 3 else batch


def collate_lessons(rows: list[Row] | list[PicturedRow]) -> Talk | Forms:
    """Stack rows of one kind."""
    columns: list[Any] = list(zip(*rows, strict=True))
    index, source, said, answer, *pictures = columns
    stacked, indices = torch.stack(source), torch.tensor(index)
    if isinstance(answer[0], str):
        return Talk(stacked, indices, list(said), list(answer))
    return Forms(stacked, indices, list(said), list(answer), torch.stack(pictures[0]) if pictures else None)


class LessonData(L.LightningDataModule):
    """Endless lessons from Moving Shapes, and held-out ones.

    Args:
        images: Training pictures.
        clips: Training clips, a quarter of the batches.
        val: Held-out sets by name; captions and forms of each are logged under its name.
        batch_size: Pictures a step.
        num_clips: Clips a step, where a step is of clips; ``batch_size`` at most.
        pictured: Of eight steps, those of requests with other pictures before the image: 0 to 4, see ``Lessons``.
        num_val: Held-out examples of each set, captions and requests each.
        num_workers: Processes that make them.
    """

    def __init__(
        self,
        images: ShapesRecords,
        clips: ShapesRecords,
        val: dict[str, ShapesRecords],
        batch_size: int = 32,
        num_clips: int = 8,
        num_val: int = 256,
        num_workers: int = 1,
        pictured: int = 0,
    ) -> None:
        super().__init__()
        if not 0 <= pictured <= 4:
            raise UseError(f"pictured is 0 to 4 of eight steps, got {pictured}")
        self.pictured = pictured
        if num_clips < 1:
            raise UseError(f"num_clips must be at least 1, got {num_clips}")
        self.images, self.clips, self.val, self.num_clips = images, clips, val, num_clips
        self.batch_size, self.num_val, self.num_workers = batch_size, num_val, num_workers

    @property
    def val_names(self) -> list[str]:
        """What each validation loader is logged as."""
        return [name for name, _ in self._held_out()]

    def _held_out(self) -> list[tuple[str, Dataset[Any]]]:
        named: list[tuple[str, Dataset[Any]]] = []
        for name, records in self.val.items():
            named += [(name, Captions(records)), (name, Requests(records))]
            if self.pictured and records.num_frames == 1:
                named += [(f"{name}_reference", Pictured(records, False)), (f"{name}_example", Pictured(records, True))]
        return named

    def train_dataloader(self) -> DataLoader[Row | PicturedRow]:
        """From the example after the last one trained on."""
        trainer = self.trainer
        assert trainer is not None
        sampler = BatchSampler(lambda: trainer.global_step * self.batch_size, self.batch_size)
        lessons = Lessons(self.images, self.clips, self.batch_size, self.pictured)
        fewer = FewerClips(sampler, self.batch_size, self.num_clips)
        return DataLoader(
            lessons,
            batch_sampler=fewer,
            collate_fn=collate_lessons,
            num_workers=self.num_workers,
            worker_init_fn=start_worker,
        )

    def val_dataloader(self) -> list[DataLoader[Any]]:
        """Return the first ``num_val`` examples of each kind of each set."""
        held_out = [Subset(rows, range(self.num_val)) for _, rows in self._held_out()]
        return [DataLoader(rows, batch_size=64, collate_fn=collate_lessons) for rows in held_out]
