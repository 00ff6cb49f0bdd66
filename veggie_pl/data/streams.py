"""Streams: records to samples, one class for each kind of supervision."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace

import torch

from veggie_pl.batch import Clip, ClipNames, Example, Mask, Sample, Skill
from veggie_pl.data.instructions.grammar import Grammar
from veggie_pl.data.instructions.templates import with_articles, word
from veggie_pl.data.records import Record, Records
from veggie_pl.errors import UseError
from veggie_pl.masks.colors import COLORS
from veggie_pl.masks.paint import paint
from veggie_pl.seeding import numpy_rng
from veggie_pl.video.clip import READ_BY

PIXELS = 1  # raise it when decoding, resizing or painting give other pixels: what caches keep is then made again
_SAID = ("records", "held_out_wordings", "grammar")  # attributes of a stream that change no pixel
VISIBLE_CHANGE = 16 / 255  # least change of a pixel, as a part of the range, where the edited clip is not exact
CONTRAST = 1.0  # distance of a fill from an object's mean colour, in [-1, 1] RGB, from which the fill is plain to see


class Stream(ABC):
    """Samples by index; ``stream[i]`` is a function of record i alone.

    So clips have names (``ClipNames``): of what the records say that they are made of, of the class of the stream and
    its settings, and of what decoded them. Nothing is drawn anew in another epoch: frames, fills and wordings follow
    from the record's key. A stream that changes the source gets no names, and nothing of its clips is kept by caches.

    Args:
        records: The data set.
        held_out_wordings: Word instructions as no training instruction is worded. Only for records without one.
        grammar: Words a share of the instructions in ways of its own. Only for records without one.

    Raises:
        UseError: If what is held out should be worded by the grammar.
    """

    skills: frozenset[Skill]  # what records it takes

    def __init__(self, records: Records, held_out_wordings: bool = False, grammar: Grammar | None = None) -> None:
        if held_out_wordings and grammar is not None:
            raise UseError("wordings are either held out or those of a grammar, which is trained on")
        self.records = records
        self.held_out_wordings, self.grammar = held_out_wordings, grammar

    @property
    def bucket(self) -> str:
        """Names the shape of its clips: streams of one name may share a batch. Records may have a ``bucket``."""
        return getattr(self.records, "bucket", "")

    def __len__(self) -> int:
        return len(self.records)

    def key(self, index: int) -> str:
        """Name an example; nothing is decoded if the records have a ``key`` of their own."""
        own: Callable[[int], str] | None = getattr(self.records, "key", None)
        return self.records[index].example.key if own is None else own(index)

    def __getitem__(self, index: int) -> Sample:
        record = self.records[index]
        if record.example.skill not in self.skills:
            choices = ", ".join(sorted(self.skills))
            raise UseError(f"{type(self).__name__} takes {choices}, but {record.example.key} is {record.example.skill}")
        sample = self.sample(record)
        own = record.names if sample.source is record.source else ClipNames()
        return replace(sample, names=self._named(own))

    def names(self, index: int) -> ClipNames:
        """Name the clips of example ``index`` without decoding them; empty where its records cannot."""
        own: Callable[[int], ClipNames] | None = getattr(self.records, "names", None)
        return self._named(ClipNames() if own is None else own(index))

    def _named(self, names: ClipNames) -> ClipNames:
        """Names of a record's clips, once this stream has made its target."""
        if not (names.source and names.target):
            return ClipNames()
        settings = {key: value for key, value in vars(self).items() if key not in _SAID}
        how = f"{type(self).__module__}.{type(self).__qualname__} {sorted(settings.items())} {names.target}"
        return ClipNames(_hash(names.source), _hash(how))

    @abstractmethod
    def sample(self, record: Record) -> Sample:
        """Turn one record of the right skill into a sample."""

    def instruction(self, record: Record, **slots: str) -> str:
        """The record's own instruction, else one worded from these slots by the chance of the record's key.

        Templates are those of the record, if it brings any; what is held out is always ours.
        """
        example = record.example
        if self.grammar is not None and example.instruction is None:
            reworded = self.grammar.reword(example.skill, numpy_rng("grammar", example.key), slots)
            if reworded is not None:
                return reworded
        return instruction_of(example, record.templates, self.held_out_wordings, **slots)


def instruction_of(example: Example, templates: tuple[str, ...] = (), held_out: bool = False, **slots: str) -> str:
    """Return an example's own instruction, else one worded from slots by the chance of its key.

    Args:
        example: The facts.
        templates: To word it by, in place of ours; what is held out is always ours.
        held_out: Word it as no training instruction is worded.
        slots: What to fill in.
    """
    if example.instruction is not None:
        return example.instruction
    rng = numpy_rng("wording", example.key)
    if templates and not held_out:
        return with_articles(templates[int(rng.random() * len(templates))].format(**slots))
    return word(example.skill, rng, held_out, **slots)


class EditingStream(Stream):
    """Records with a target clip: the six editing skills.

    A record without an instruction can be worded only where its phrase says it all: addition and removal.
    """

    skills = frozenset(skill for skill in Skill if not skill.is_painted)

    def sample(self, record: Record) -> Sample:
        """Pass the record on, with the mask of what changes if it brings none.

        Raises:
            UseError: If the record has no target.
        """
        example = record.example
        if record.target is None:
            raise UseError(f"EditingStream needs a target, but {example.key} has none")
        mask = changed_region(record.source, record.target) if record.mask is None else record.mask
        instruction = self.instruction(record, phrase=example.phrase)
        return Sample(example._replace(instruction=instruction), record.source, record.target, mask)


class RequestStream(Stream):
    """Editing requests of a benchmark that has no exact answers: no target, and the changed region only if known."""

    skills = EditingStream.skills

    def sample(self, record: Record) -> Sample:
        """Pass the record on without a target; where the changed region is not known, the mask is empty."""
        example, source = record.example, record.source
        mask = torch.zeros(len(source), *source.shape[2:], dtype=torch.bool) if record.mask is None else record.mask
        example = example._replace(instruction=self.instruction(record, phrase=example.phrase))
        return Sample(example, source, None, mask)


class GroundingStream(Stream):
    """Records with a mask and the phrase that names what it covers, e.g. referring segmentation."""

    skills = frozenset({Skill.GROUNDING})

    def sample(self, record: Record) -> Sample:
        """Paint the target and word the instruction.

        Raises:
            UseError: If the record has no mask.
        """
        example = record.example
        if record.mask is None:
            raise UseError(f"{type(self).__name__} needs a mask, but {example.key} has none")
        fill = example.fill or choose_fill(record)
        example = example._replace(instruction=self.instruction(record, **self.slots(record), fill=fill), fill=fill)
        return Sample(example, record.source, paint(record.source, record.mask, fill), record.mask)

    def slots(self, record: Record) -> dict[str, str]:
        """What the wording takes from the record, beside the fill."""
        return {"phrase": record.example.phrase}


class ReasoningStream(GroundingStream):
    """As grounding, but the record's phrase is a question, or its instruction asks one."""

    skills = frozenset({Skill.REASONING})

    def slots(self, record: Record) -> dict[str, str]:
        """The question, ending in a question mark."""
        return {"question": record.example.phrase.rstrip("?") + "?"}


def _hash(text: str) -> str:
    return hashlib.blake2b(f"{PIXELS} {READ_BY} {text}".encode(), digest_size=16).hexdigest()


def changed_region(source: Clip, target: Clip) -> Mask:
    """Where two clips differ visibly, in any channel."""
    return (target - source).abs().amax(1) > 2 * VISIBLE_CHANGE


def choose_fill(record: Record) -> str:
    """A fill by the chance of the record's key, among its own that are plain to see on what the mask covers."""
    order = [str(name) for name in numpy_rng("fill", record.example.key).permutation(list(record.fills or COLORS))]
    assert record.mask is not None
    inside = record.source.movedim(1, -1)[record.mask]
    own = inside.mean(0) if len(inside) else torch.zeros(3)
    distances = {name: float((torch.tensor(COLORS[name]) - own).norm()) for name in order}
    return next((name for name in order if distances[name] >= CONTRAST), max(order, key=lambda name: distances[name]))
