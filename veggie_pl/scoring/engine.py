"""From outputs to scores: what is known is read, the rest is decoded, measured and kept."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from veggie_pl.batch import Batch, Clip, Sample, collate
from veggie_pl.data.benchmark import Measures, SkillMeasures
from veggie_pl.data.records import BadRecordError
from veggie_pl.data.streams import Stream
from veggie_pl.metrics.edited_files import edit_file
from veggie_pl.metrics.report import SampleScore
from veggie_pl.scoring.fit import Shape, read_fitted
from veggie_pl.scoring.outputs import Output
from veggie_pl.scoring.store import Kept, ScoreStore, name_of
from veggie_pl.scoring.worst import worst_values
from veggie_pl.video.clip import ClipError

PIXELS = 2**18  # of outputs that are scored together, if nothing else is asked for: maps of them are some 10 MB


@dataclass(frozen=True)
class BadExample:
    """An example of the bench that cannot be read: it is in no number, whatever the output."""

    output: Output
    reason: str

    @property
    def key(self) -> str:
        """Name the example."""
        return self.output.unit.key


Scored = SampleScore | BadExample


class Scorer:
    """Scores outputs one by one, or several of one shape together; the numbers are the same.

    Args:
        streams: Of the bench, by name.
        measures: What outputs are scored by.
        identity: Names the measures and all experts, down to their weights.
        store: What is known already.
        batch_size: Outputs of one skill and shape that are scored together; None: as many as have ``PIXELS`` pixels.
        device: Where measures are computed, such as "cpu" or "cuda:1".
    """

    def __init__(
        self,
        streams: dict[str, Stream],
        measures: Measures,
        identity: str,
        store: ScoreStore,
        batch_size: int | None = None,
        device: str = "cpu",
    ) -> None:
        self.streams, self.measures, self.identity, self.store = streams, measures, identity, store
        self.batch_size, self.device = batch_size, torch.device(device)

    def known(self, output: Output) -> SampleScore | None:
        """Look up what an output scored before; None where that is not known."""
        found = self.store.get(self._name(output))
        return None if found is None else _score(output, found)

    def score(self, outputs: Iterable[Output]) -> Iterator[Scored]:
        """Score outputs, known or not, in any order; no more than a batch is in memory.

        Raises:
            OSError: If what was found cannot be kept.
        """
        waiting: list[tuple[Output, Sample, Clip | None]] = []
        for output in outputs:
            if (known := self.known(output)) is not None:
                yield known
                continue
            try:
                sample = self.streams[output.unit.stream][output.unit.index]
            except BadRecordError as error:
                yield BadExample(output, error.reason)
                continue
            if waiting and _kind(*waiting[0][:2]) != _kind(output, sample):
                yield from self._together(waiting)
                waiting = []
            output, clip = _read(output, sample)
            waiting.append((output, sample, clip))
            if len(waiting) >= (self.batch_size or _fitting(sample.source)):
                yield from self._together(waiting)
                waiting = []
        if waiting:
            yield from self._together(waiting)

    def _together(self, waiting: Sequence[tuple[Output, Sample, Clip | None]]) -> Iterator[SampleScore]:
        """Score outputs of one skill and shape; those that failed get the worst value of each measure."""
        row = self.measures.of_skill(waiting[0][0].unit.skill)
        for there in (True, False):
            chosen = [one for one in waiting if (one[2] is not None) == there]
            if not chosen:
                continue
            batch = _moved(collate([(output.unit.index, sample) for output, sample, _ in chosen]), self.device)
            if there:
                edited = torch.stack([clip for *_, clip in chosen if clip is not None]).to(self.device)
                values, notes = _measured(row, edited, batch)
            else:
                values, notes = worst_values(row, batch), [{} for _ in chosen]
            for place, (output, _, _) in enumerate(chosen):
                own = {name: float(column[place]) for name, column in values.items()}
                kept = Kept(batch.instruction[place], own, notes[place])
                if not _lacks_answers(kept):  # what a judge did not answer is asked again next time
                    self.store.put(self._name(output), kept)
                yield _score(output, kept)

    def _name(self, output: Output) -> str:
        return name_of(self.identity, output.unit.fingerprint, output.digest, output.state, output.note)


def _fitting(clip: Clip) -> int:
    frames, _, height, width = clip.shape
    return max(1, PIXELS // (frames * height * width))


def _read(output: Output, sample: Sample) -> tuple[Output, Clip | None]:
    """Decode an output; one that turns out to be broken becomes an unreadable one."""
    if output.state != "scored":
        return output, None
    assert output.path is not None
    frames, _, height, width = sample.source.shape
    try:
        return output, read_fitted(edit_file(output.path), Shape(frames, height, width))
    except ClipError as error:
        reason = " ".join(str(error).split())
        return replace(output, state="unreadable", reason=reason, note=""), None


def _measured(
    row: SkillMeasures, edited: torch.Tensor, batch: Batch
) -> tuple[dict[str, torch.Tensor], list[dict[str, Any]]]:
    with_notes = getattr(row, "with_notes", None)
    if with_notes is not None:
        return with_notes(edited, batch)  # type: ignore[no-any-return]
    return row(edited, batch), [{} for _ in range(len(batch))]


def _kind(output: Output, sample: Sample) -> tuple[object, ...]:
    """What has to agree among outputs that are scored together."""
    return output.unit.stream, tuple(sample.source.shape), sample.target is None


def _moved(batch: Batch, device: torch.device) -> Batch:
    target = None if batch.target is None else batch.target.to(device)
    source, mask = batch.source.to(device), batch.mask.to(device)
    return Batch(source, target, mask, batch.examples, batch.index, batch.missing)


def _lacks_answers(kept: Kept) -> bool:
    return any(isinstance(note, dict) and note.get("failures") for note in kept.notes.values())


def _score(output: Output, kept: Kept) -> SampleScore:
    unit = output.unit
    return SampleScore(
        key=unit.key,
        skill=unit.skill,
        index=unit.index,
        instruction=kept.instruction,
        values=kept.values,
        state=output.state,
        reason=output.reason,
        notes={**kept.notes, **({"fit": output.note} if output.note else {})},
        output=output.name,
        digest=output.digest,
    )
