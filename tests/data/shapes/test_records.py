import pickle
from collections import Counter
from string import Formatter

import pytest
import torch

from veggie_pl.batch import Skill
from veggie_pl.data.instructions.templates import HELD_OUT_TEMPLATES, TEMPLATES
from veggie_pl.data.records import Record
from veggie_pl.data.shapes import ShapesBenchmark, ShapesRecords
from veggie_pl.data.shapes.edits import PLACES, Addition, Changing, FeatureChange
from veggie_pl.data.shapes.vocabulary import LARGE, MOVING_QUESTIONS, SMALL, VOCABULARIES, is_held_out

SPLITS = ("train", "val", "test")


def same(one: Record, other: Record) -> bool:
    tensors = all(
        (a is None and b is None) or torch.equal(a, b)
        for a, b in ((one.source, other.source), (one.target, other.target), (one.mask, other.mask))
    )
    return tensors and (one.example.key, one.example.instruction, one.example.fill) == (
        other.example.key,
        other.example.instruction,
        other.example.fill,
    )


@pytest.mark.parametrize("num_frames", [1, 8])
def test_record_is_a_function_of_its_index(num_frames: int) -> None:
    first = ShapesRecords("train", num_frames=num_frames)
    forwards = [first[i] for i in range(40)]
    again = pickle.loads(pickle.dumps(ShapesRecords("train", num_frames=num_frames)))
    backwards = [again[i] for i in reversed(range(40))][::-1]
    assert all(same(one, other) for one, other in zip(forwards, backwards, strict=True))
    assert len({record.example.key for record in forwards}) == 40


def test_record_differs_between_splits_and_seeds() -> None:
    records = [ShapesRecords("train"), ShapesRecords("val"), ShapesRecords("train", seed=1)]
    clips = [torch.stack([record[i].source for i in range(8)]) for record in records]
    assert not torch.equal(clips[0], clips[1])
    assert not torch.equal(clips[0], clips[2])


def test_record_fits_its_skill() -> None:
    for num_frames in (1, 2, 8):
        records = ShapesRecords("val", num_frames=num_frames)
        for i in range(120):
            record = records[i]
            assert record.source.shape == (num_frames, 3, 32, 32)
            assert record.source.abs().max() <= 1
            assert record.mask.any()
            assert (record.target is None) == record.example.skill.is_painted
            assert bool(record.example.fill) == record.example.skill.is_painted
            assert (record.example.place is not None) == (record.example.skill is Skill.ADDITION)
            assert bool(record.example.phrase) == (
                record.example.skill in (Skill.ADDITION, Skill.REMOVAL, Skill.GROUNDING, Skill.REASONING)
            )


def test_target_equals_source_outside_the_mask() -> None:
    records = ShapesRecords("val")
    for i in range(200):
        record = records[i]
        if record.target is not None and record.mask is not None:
            outside = ~record.mask[:, None].expand_as(record.source)
            assert torch.equal(record.target[outside], record.source[outside])
            least = (record.target - record.source).abs().amax(1)[record.mask].min()
            assert least > 2 * 2 / 255


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
@pytest.mark.parametrize("split", ["train", "val"])
def test_train_and_val_never_show_held_out_pairs(split: str, vocabulary: str) -> None:
    records = ShapesRecords(split, num_objects=(1, 4), vocabulary=vocabulary)
    words = VOCABULARIES[vocabulary]
    shown = len(words.shapes) * len(words.colors) * 3 / 4
    seen = set()
    for i in range(1600):
        scene, edit = records.scene(i)
        seen |= {(thing.shape, thing.color) for thing in (*scene.things, *edit.edited_scene(scene).things)}
        if len(seen) >= shown and i >= 500:
            break
    assert not any(is_held_out(words, *pair) for pair in seen)
    assert len(seen) == shown  # all others do occur


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_test_edits_are_about_held_out_pairs(vocabulary: str) -> None:
    words = VOCABULARIES[vocabulary]
    records = ShapesRecords("test", vocabulary=vocabulary)
    counts = Counter()
    for i in range(1200):
        scene, edit = records.scene(i)
        if edit.skill in (Skill.BACKGROUND, Skill.STYLIZATION):
            continue
        if isinstance(edit, Addition):
            thing = edit.thing
        elif isinstance(edit, Changing | FeatureChange):
            thing = edit.new
        else:
            thing = scene.things[edit.subject]
        assert is_held_out(words, thing.shape, thing.color)
        counts[edit.skill] += 1
    assert len(counts) == 6


@pytest.mark.parametrize("words", [SMALL, LARGE])
def test_held_out_pairs_are_a_quarter_and_leave_every_word(words: object) -> None:
    assert isinstance(words, type(SMALL))
    held = {(shape, color) for shape in words.shapes for color in words.colors if is_held_out(words, shape, color)}
    assert len(held) == len(words.shapes) * len(words.colors) / 4
    assert all(any((shape, color) not in held for color in words.colors) for shape in words.shapes)
    assert all(any((shape, color) not in held for shape in words.shapes) for color in words.colors)


def test_held_out_pairs_of_the_small_world_are_held_out_of_the_large_one() -> None:
    for shape in SMALL.shapes:
        for color in SMALL.colors:
            assert is_held_out(SMALL, shape, color) == is_held_out(LARGE, shape, color)


@pytest.mark.parametrize("split", SPLITS)
def test_instructions_use_the_templates_of_their_split(split: str) -> None:
    def pieces(template: str) -> list[str]:
        return [text.rsplit(" a ", 1)[-1].strip() for text, *_ in Formatter().parse(template)]

    records = ShapesRecords(split, num_frames=1)  # type: ignore[arg-type]
    templates = HELD_OUT_TEMPLATES if split == "test" else TEMPLATES
    others = TEMPLATES if split == "test" else HELD_OUT_TEMPLATES
    own = 0
    for i in range(200):
        record = records[i]
        text = record.example.instruction or ""
        assert "{" not in text
        fits = [all(piece in text for piece in pieces(template)) for template in templates[record.example.skill]]
        assert any(fits)
        own += not any(all(piece in text for piece in pieces(template)) for template in others[record.example.skill])
    assert own > 100  # the others do not fit by their words as well


def test_things_stay_in_the_frame_and_phrases_are_unique() -> None:
    for vocabulary in VOCABULARIES:
        records = ShapesRecords("train", num_objects=(1, 4), vocabulary=vocabulary)
        sizes = Counter()
        for i in range(800):
            scene, edit = records.scene(i)
            sizes[len(scene.things)] += 1
            for thing in (*scene.things, *edit.edited_scene(scene).things):
                path = thing.path(8)
                assert path.min() >= thing.reach - 1e-6
                assert path.max() <= 1 - thing.reach + 1e-6
            for seen in (scene, edit.edited_scene(scene)):
                pairs = [(thing.shape, thing.color) for thing in seen.things]
                assert len(set(pairs)) == len(pairs)
        assert set(sizes) == {1, 2, 3, 4}


def test_distractors_often_share_one_word_with_the_subject() -> None:
    records = ShapesRecords("train", skills={"grounding": 1.0}, num_objects=(2, 3))
    shared = 0
    for i in range(300):
        scene, edit = records.scene(i)
        subject = scene.things[edit.subject]
        shared += any(
            (thing.shape == subject.shape) != (thing.color == subject.color)
            for thing in scene.things
            if thing is not subject
        )
    assert shared > 200


def test_added_thing_stays_in_its_place() -> None:
    records = ShapesRecords("train", skills={"addition": 1.0})
    places, moving, others = Counter(), 0, set()
    for i in range(300):
        scene, edit = records.scene(i)
        assert isinstance(edit, Addition)
        x0, y0, x1, y1 = PLACES[edit.place]
        path = edit.thing.path(8)
        assert ((path >= [x0, y0]) & (path <= [x1, y1])).all()
        places[edit.place] += 1
        moving += edit.thing.motion.name != "static"
        others.add(len(scene.things))
    assert others == {1, 2}  # of at most three, one is still to come
    assert set(places) == set(PLACES)
    assert 20 < moving < 120


def test_images_have_no_motion() -> None:
    records = ShapesRecords("train", num_frames=1)
    for i in range(400):
        scene, edit = records.scene(i)
        assert all(thing.motion.name == "static" for thing in edit.edited_scene(scene).things)
        assert getattr(edit, "kind", "") not in MOVING_QUESTIONS
        assert "at the end" not in edit.slots(scene).get("question", "")


def test_skills_come_in_their_shares() -> None:
    records = ShapesRecords("train", skills={"removal": 3.0, "grounding": 1.0}, num_frames=1)
    counts = Counter(records.scene(i)[1].skill for i in range(4096))
    assert counts == {Skill.REMOVAL: 3072, Skill.GROUNDING: 1024}


def test_size_and_vocabulary_are_followed() -> None:
    record = ShapesRecords("val", num_frames=2, size=64, vocabulary="large")[5]
    assert record.source.shape == (2, 3, 64, 64)


def test_larger_frames_show_the_same_scene() -> None:
    small, large = (ShapesRecords("val", num_frames=2, size=size) for size in (32, 64))
    for i in range(20):
        shrunk = torch.nn.functional.avg_pool2d(large[i].source, 2)
        assert (shrunk - small[i].source).abs().mean() < 0.03


def test_benchmark_has_a_stream_per_skill() -> None:
    streams = ShapesBenchmark("test", num_frames=1).streams()
    assert list(streams) == [skill.value for skill in Skill]
    for name, stream in streams.items():
        assert {stream[i].example.skill for i in range(5)} == {Skill(name)}
    assert list(ShapesBenchmark("val", skills=["removal"]).streams()) == ["removal"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"skills": {"juggling": 1.0}}, "juggling.*addition, removal"),
        ({"vocabulary": "huge"}, "'huge'.*small, large"),
        ({"num_objects": (2, 1)}, r"within 1 to 4, got \(2, 1\)"),
        ({"num_objects": (1, 1)}, "at least two objects"),
        ({"num_frames": 0}, "at least 1 frame"),
        ({"size": 8}, "16 pixels"),
    ],
)
def test_records_bad_settings_name_the_choices(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ShapesRecords("train", **settings)  # type: ignore[arg-type]


def test_records_end() -> None:
    records = ShapesRecords("val")
    with pytest.raises(IndexError):
        records[len(records)]
    with pytest.raises(IndexError):
        records[-1]
    assert records[len(records) - 1].source.isfinite().all()
