import torch
from support.scored import report, sample

from veggie_pl.batch import Skill
from veggie_pl.metrics.report import SampleScore
from veggie_pl.scoring.page.cards import Shown, cards

GRAY = torch.zeros(2, 3, 16, 16)
MADE = report("ours", [sample("k", instruction="remove it", values={"success": 0.0, "psnr": 12.345})])


def test_target_or_mask_or_neither_stands_beside_the_output() -> None:
    mask = torch.zeros(2, 16, 16, dtype=torch.bool)
    for answer, labels in (
        (GRAY, ["source", "output", "target"]),
        (mask, ["source", "output", "mask"]),
        (None, ["source", "output"]),
    ):
        (card,) = cards("ours", MADE, lambda sample, answer=answer: Shown(GRAY, GRAY, answer))[Skill.REMOVAL]
        assert [frame.label for frame in card.frames] == labels
        assert all(frame.alt for frame in card.frames)


def test_a_mask_is_painted_on_the_source() -> None:
    mask = torch.ones(2, 16, 16, dtype=torch.bool)
    (card,) = cards("ours", MADE, lambda sample: Shown(GRAY, GRAY, mask))[Skill.REMOVAL]
    source, output, painted = (frame.picture.moving for frame in card.frames)
    assert source == output != painted


def test_values_have_their_units() -> None:
    (card,) = cards("ours", MADE, lambda sample: Shown(GRAY, GRAY))[Skill.REMOVAL]
    assert card.values == (("success", "0.00", "%"), ("psnr", "12.35", "dB"))
    assert card.headline == "success 0.00 %"
    assert card.is_small


def test_clips_are_asked_for_only_where_they_are_shown() -> None:
    asked = []

    def clips(one: SampleScore) -> None:
        asked.append(one.index)

    samples = [sample(f"k{i}", index=i, values={"success": float(i)}) for i in range(50)]
    (found,) = cards("ours", report("ours", samples), clips).values()
    assert sorted(asked) == [0, 1, 2, 3, 48, 49]
    assert all(card.frames == () for card in found)


def test_long_notes_are_cut_and_say_so() -> None:
    made = report("ours", [sample("k", values={"success": 1.0}, notes={"replies": ["很好" * 5000]})])
    (card,) = cards("ours", made, lambda sample: None)[Skill.REMOVAL]
    assert "很好" in card.notes
    assert len(card.notes) < 4100
    assert card.notes.endswith("letters more in the report's JSON")
