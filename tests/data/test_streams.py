from dataclasses import dataclass

import pytest
import torch
from support.examples import changed

from veggie_pl.batch import Example, Skill
from veggie_pl.data.instructions.templates import HELD_OUT_TEMPLATES
from veggie_pl.data.records import Record
from veggie_pl.data.shapes import ShapesBenchmark
from veggie_pl.data.streams import EditingStream, GroundingStream, ReasoningStream, RequestStream, Stream
from veggie_pl.masks.colors import COLORS
from veggie_pl.masks.paint import paint
from veggie_pl.masks.unpaint import unpaint


@dataclass
class Listed:
    records: list[Record]

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> Record:
        return self.records[index]


def make_record(skill: Skill = Skill.GROUNDING, key: str = "some/0", value: float = 0.0) -> Record:
    mask = torch.zeros(2, 16, 16, dtype=torch.bool)
    mask[:, 4:9, 5:11] = True
    return Record(Example(key, skill, phrase="old swan"), torch.full((2, 3, 16, 16), value), mask=mask)


def test_grounding_paints_the_target_and_words_the_instruction() -> None:
    record = make_record()
    stream = GroundingStream(Listed([record]))
    sample = stream[0]
    assert len(stream) == 1
    assert torch.equal(sample.target, paint(record.source, sample.mask, sample.example.fill))
    assert torch.equal(unpaint(sample.target, sample.source, sample.example.fill), sample.mask)
    assert "old swan" in sample.example.instruction
    assert sample.example.fill in sample.example.instruction
    assert (sample.example.key, sample.example.phrase) == (record.example.key, record.example.phrase)


def test_grounding_keeps_what_the_record_says() -> None:
    record = changed(make_record(), fill="cyan", instruction="Where is it?")
    sample = GroundingStream(Listed([record]))[0]
    assert (sample.example.fill, sample.example.instruction) == ("cyan", "Where is it?")


def test_grounding_chance_comes_from_the_key() -> None:
    stream = GroundingStream(Listed([make_record(key=f"some/{i}") for i in range(60)]))
    assert [stream[i].example.instruction for i in range(60)] == [stream[i].example.instruction for i in range(60)]
    assert len({stream[i].example.instruction for i in range(60)}) > 12
    assert {stream[i].example.fill for i in range(60)} == set(COLORS)


@pytest.mark.parametrize("color", COLORS)
def test_grounding_fill_differs_from_the_object(color: str) -> None:
    source = torch.tensor(COLORS[color])[None, :, None, None].expand(2, 3, 16, 16)
    records = [changed(make_record(key=f"{color}/{i}"), source=source) for i in range(20)]
    assert color not in {sample.example.fill for sample in map(GroundingStream(Listed(records)).__getitem__, range(20))}


def test_reasoning_words_the_question_once_marked() -> None:
    for phrase in ("Which one swims", "Which one swims?"):
        record = changed(make_record(Skill.REASONING), phrase=phrase)
        assert ReasoningStream(Listed([record]))[0].example.instruction.count("Which one swims?") == 1


def test_grounding_takes_the_records_fills_and_wordings() -> None:
    own = ("Find {phrase} in {fill}.", "Where is a {phrase}? Use {fill}.")
    made = [changed(make_record(key=f"some/{i}"), fills=("cyan", "blue"), templates=own) for i in range(60)]
    samples = [GroundingStream(Listed(made))[i] for i in range(60)]
    assert {sample.example.fill for sample in samples} == {"cyan", "blue"}
    assert {sample.example.instruction for sample in samples} == {
        words.format(fill=fill)
        for fill in ("cyan", "blue")
        for words in ("Find old swan in {fill}.", "Where is an old swan? Use {fill}.")
    }
    held_out = GroundingStream(Listed(made), held_out_wordings=True)[0]
    assert held_out.example.instruction in {
        t.format(phrase="old swan", fill=held_out.example.fill) for t in HELD_OUT_TEMPLATES[Skill.GROUNDING]
    }


def test_grounding_of_few_fills_takes_the_plainest() -> None:
    source = torch.tensor(COLORS["red"])[None, :, None, None].expand(2, 3, 16, 16)
    record = changed(make_record(), source=source, fills=("red",))
    assert GroundingStream(Listed([record]))[0].example.fill == "red"  # it is the only one
    assert GroundingStream(Listed([changed(record, fills=("red", "blue"))]))[0].example.fill == "blue"


def test_held_out_wordings_are_used_on_request() -> None:
    sample = GroundingStream(Listed([make_record()]), held_out_wordings=True)[0]
    said = {t.format(phrase="old swan", fill=sample.example.fill) for t in HELD_OUT_TEMPLATES[Skill.GROUNDING]}
    assert sample.example.instruction in said


def test_editing_finds_what_changes() -> None:
    record = make_record(Skill.REMOVAL)
    edited = changed(record, target=paint(record.source, record.mask, "red"), mask=None)
    sample = EditingStream(Listed([edited]))[0]
    assert torch.equal(sample.mask, record.mask)
    assert "old swan" in sample.example.instruction


def test_editing_keeps_the_mask_of_the_record() -> None:
    record = changed(make_record(Skill.ADDITION), target=torch.ones(2, 3, 16, 16), instruction="Do it.")
    assert torch.equal(EditingStream(Listed([record]))[0].mask, record.mask)


def test_requests_have_no_target_and_a_mask_only_if_it_is_known() -> None:
    record = changed(make_record(Skill.REMOVAL), target=torch.ones(2, 3, 16, 16))
    known, unknown = (RequestStream(Listed([one]))[0] for one in (record, changed(record, mask=None)))
    assert known.target is None
    assert torch.equal(known.mask, record.mask)
    assert "old swan" in unknown.example.instruction
    assert unknown.mask.shape == (2, 16, 16)
    assert not unknown.mask.any()


@pytest.mark.parametrize(
    ("stream", "skill"),
    [
        (EditingStream, Skill.GROUNDING),
        (RequestStream, Skill.GROUNDING),
        (EditingStream, Skill.REASONING),
        (GroundingStream, Skill.REASONING),
        (GroundingStream, Skill.REMOVAL),
        (ReasoningStream, Skill.GROUNDING),
    ],
)
def test_stream_refuses_another_skill(stream: type[Stream], skill: Skill) -> None:
    with pytest.raises(ValueError, match=f"{stream.__name__} takes .*, but some/0 is {skill.value}"):
        stream(Listed([make_record(skill)]))[0]


def test_stream_names_the_record_that_lacks_something() -> None:
    with pytest.raises(ValueError, match="needs a mask, but some/0 has none"):
        GroundingStream(Listed([changed(make_record(), mask=None)]))[0]
    with pytest.raises(ValueError, match="needs a target, but some/0 has none"):
        EditingStream(Listed([make_record(Skill.REMOVAL)]))[0]


def test_editing_without_instruction_or_phrase_to_word_it_from_is_an_error() -> None:
    record = changed(make_record(Skill.STYLIZATION), target=torch.zeros(2, 3, 16, 16))
    with pytest.raises(ValueError, match="no wording of stylization"):
        EditingStream(Listed([record]))[0]


@pytest.mark.parametrize("num_frames", [1, 8])
def test_fills_of_moving_shapes_are_read_back_exactly(num_frames: int) -> None:
    for skill in ("grounding", "reasoning"):
        stream = ShapesBenchmark("val", skills=[skill], num_frames=num_frames, vocabulary="large").streams()[skill]
        generator = torch.Generator().manual_seed(0)
        shared = union = 0
        for i in range(40):
            sample = stream[i]
            assert torch.equal(unpaint(sample.target, sample.source, sample.example.fill), sample.mask)
            noisy = sample.target + 0.1 * torch.randn(sample.target.shape, generator=generator)
            read = unpaint(noisy, sample.source, sample.example.fill)
            shared += int((read & sample.mask).sum())
            union += int((read | sample.mask).sum())
        assert shared / union > 0.93
