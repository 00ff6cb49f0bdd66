"""Moving Shapes asked for in other words: by a grammar, or as people wrote."""

from dataclasses import replace
from itertools import islice

import pytest
import torch

from veggie_pl.batch import Skill
from veggie_pl.data.instructions.grammar import Grammar
from veggie_pl.data.instructions.written import WRITTEN
from veggie_pl.data.shapes import ShapesBenchmark, ShapesRecords
from veggie_pl.data.streams import GroundingStream


def test_written_wordings_ask_the_same_of_the_same_clips() -> None:
    options = {"num_frames": 1, "size": 16, "vocabulary": "large"}
    plain = ShapesBenchmark("test", 3, ["removal", "reasoning"], **options)
    other = plain.in_written_words()
    assert list(other.streams()) == ["removal", "reasoning"]
    for name, records in plain.records.items():
        asked = other.records[name]
        for i, wording in enumerate(islice(WRITTEN[Skill(name)], 20)):
            one, two = records[i], asked[i]
            assert torch.equal(one.source, two.source)
            assert one.names == two.names == asked.names(i)
            assert two.example.key == asked.key(i) == f"{one.example.key}/written"
            scene, edit = records.scene(i)
            assert two.example.instruction == wording.say(edit.slots(scene)) != one.example.instruction


def test_written_wordings_take_turns_by_skill() -> None:
    skills = {"removal": 1.0, "background": 1.0}
    records = ShapesRecords("test", skills=skills, size=16, num_frames=1, wording="written")
    count = dict.fromkeys((Skill.REMOVAL, Skill.BACKGROUND), 0)
    for i in range(40):
        scene, edit, said = records.draw(i)
        assert said == WRITTEN[edit.skill][count[edit.skill] % len(WRITTEN[edit.skill])].say(edit.slots(scene))
        count[edit.skill] += 1


def test_grammar_words_its_share_and_changes_no_scene() -> None:
    grammars = (None, Grammar(share=0.4), Grammar(share=0.0))
    plain, other, same = (ShapesRecords("train", num_frames=1, size=16, grammar=words) for words in grammars)
    changed = 0
    for i in range(500):
        scene, edit, said = plain.draw(i)
        assert plain.key(i) == other.key(i)
        assert same.draw(i)[2] == said
        theirs = other.draw(i)
        assert theirs[:2] == (scene, edit)
        assert theirs == other.draw(i)
        changed += theirs[2] != said
    assert abs(changed / 500 - 0.4) < 0.07


def test_grammar_is_not_for_tests() -> None:
    for options in ({"split": "test"}, {"split": "train", "wording": "written"}):
        with pytest.raises(ValueError, match="a grammar words what is trained on"):
            ShapesRecords(**options, grammar=Grammar())  # type: ignore[arg-type]


def test_streams_word_phrases_by_the_grammar() -> None:
    class Unworded:
        """Records with a phrase and no instruction."""

        def __init__(self) -> None:
            self.records = ShapesRecords("train", num_frames=1, size=16, skills={"grounding": 1.0})

        def __len__(self) -> int:
            return 300

        def __getitem__(self, index: int) -> object:
            record = self.records[index]
            return replace(record, example=record.example._replace(instruction=None))

    plain, half = GroundingStream(Unworded()), GroundingStream(Unworded(), grammar=Grammar(share=0.5))  # type: ignore[arg-type]
    differ = [plain[i].example.instruction != half[i].example.instruction for i in range(200)]
    assert abs(sum(differ) / 200 - 0.5) < 0.11
    assert plain[0].example.fill == half[0].example.fill
    assert plain[0].names == half[0].names
    with pytest.raises(ValueError, match="held out"):
        GroundingStream(Unworded(), held_out_wordings=True, grammar=Grammar())  # type: ignore[arg-type]
