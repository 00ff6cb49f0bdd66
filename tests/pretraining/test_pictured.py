"""Lessons with other pictures before the image: what is unsaid can be read off them, and off nothing else."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from support.parts import NANO_MLLM

from benchmarks.emergent import TASKS
from veggie_pl.batch import Skill
from veggie_pl.data.shapes import ShapesRecords
from veggie_pl.data.shapes.edits import Addition, BackgroundChange, Changing, Stylization
from veggie_pl.data.shapes.render import render
from veggie_pl.data.shapes.scene import Background, Motion, Scene
from veggie_pl.models import Mllm
from veggie_pl.pretraining.language import LanguageModule
from veggie_pl.pretraining.lessons import Forms, LessonData, Lessons, collate_lessons
from veggie_pl.pretraining.pictured import EXAMPLE, REFERENCE, Pictured


def records(split: str = "train", num_frames: int = 1) -> ShapesRecords:
    return ShapesRecords(split, num_frames=num_frames, size=32)  # type: ignore[arg-type]


def test_a_reference_shows_the_thing_or_the_style_and_the_words_do_not_say_it() -> None:
    rows = Pictured(records(), example=False)
    seen = set()
    for i in range(120):
        scene, edit = rows.records.scene(i)
        _, source, said, (form, *_), pictures = rows[i]
        seen.add(edit.skill)
        assert pictures.shape == (1, 3, 32, 32)
        assert torch.equal(source, rows.records[i].source)
        assert form["skill"] == edit.skill.value
        if isinstance(edit, Stylization):
            assert edit.style not in said.lower()
            plain = Pictured(records(), example=False).records
            styles = [render(replace(plain.scene(i + 1)[0], style=edit.style), 32, 1)]
            assert torch.equal(pictures, styles[0])
            continue
        assert edit.subject is not None or isinstance(edit, Addition)
        thing = edit.thing if isinstance(edit, Addition) else edit.new if isinstance(edit, Changing) else None
        thing = thing or scene.things[edit.subject or 0]
        alone = Scene(Background("wall"), (replace(thing, motion=Motion(), start=(0.5, 0.5)),))
        assert torch.equal(pictures, render(alone, 32, 1))
        told = edit.slots(scene).get("phrase", "") if isinstance(edit, Changing) else ""
        assert not {thing.color, thing.shape} & (set(said.lower().strip(".").split()) - set(told.split()))
    assert seen == set(REFERENCE)


def test_an_example_shows_another_scene_before_and_after() -> None:
    rows = Pictured(records(), example=True)
    seen = set()
    for i in range(60):
        scene, edit = rows.records.scene(i)
        _, _, said, (form, *_), pictures = rows[i]
        assert said in EXAMPLE
        assert pictures.shape == (2, 3, 32, 32)
        assert (pictures[0] - pictures[1]).abs().mean() > 0.02
        assert not torch.equal(pictures[0], render(scene, 32, 1)[0])
        assert isinstance(edit, BackgroundChange | Stylization)
        assert form["look"] != "none"
        seen.add(edit.skill)
    assert seen == {Skill.STYLIZATION, Skill.BACKGROUND}


def test_what_the_benchmark_of_emergent_abilities_says_is_not_trained() -> None:
    scene, edit = ShapesRecords("test", skills={"addition": 1.0}, num_frames=1).scene(0)
    asked = {task.say(edit) for task in TASKS if task.skill is Skill.ADDITION}
    place = edit.slots(scene)["place"]
    assert not asked & {text.format(place=place) for text in REFERENCE[Skill.ADDITION]}


def test_of_eight_steps_so_many_are_pictured_and_the_others_stay() -> None:
    images, clips = records(), records(num_frames=2)
    for count in (0, 1, 4):
        before, lessons = Lessons(images, clips, 2), Lessons(images, clips, 2, count)
        kinds = []
        for i in range(64):
            row = lessons[i]
            kinds.append(row[4].shape[0] if len(row) == 5 else 0)
            if len(row) == 4:
                assert row[2:] == before[i][2:]
        assert kinds[::2] == kinds[1::2]
        steps = kinds[::2]
        assert [sum(kind == r for kind in steps[:8]) for r in (1, 2)] == [count, 0]
        assert [sum(kind == r for kind in steps[8:16]) for r in (1, 2)] == [0, count]
        assert steps[16:] == steps[:16]
        assert not any(steps[0::4] + steps[3::4])  # captions and clips are as they were
    with pytest.raises(ValueError, match="pictured is 0 to 4 of eight steps, got 5"):
        LessonData(images, clips, {}, pictured=5)


def test_the_pictures_stand_first_and_are_read() -> None:
    torch.manual_seed(0)
    mllm = Mllm(str(Path(NANO_MLLM)), pretrained=False, num_slots=8, attention="eager")
    module = LanguageModule(mllm, torch.optim.AdamW).eval()
    rows = Pictured(records(), example=True)
    batch = collate_lessons([rows[i] for i in range(4)])
    assert isinstance(batch, Forms)
    assert batch.pictures is not None
    places = module.place_frames(batch, 2)
    assert places.min() >= 2
    assert places.max() <= 7
    with torch.no_grad():
        logits, labels = module.fill_forms(batch)
        other, _ = module.fill_forms(replace(batch, pictures=batch.pictures.flip(0)))
    assert logits.shape[:3] == labels.shape == (4, 1, 14)
    assert not torch.allclose(logits, other, atol=1e-4)


def test_held_out_pictured_lessons_are_logged_by_their_own_names() -> None:
    val = {"images": records("val"), "clips": records("val", 2)}
    data = LessonData(records(), records(num_frames=2), val, pictured=1, num_val=2)
    names = ["images", "images", "images_reference", "images_example", "clips", "clips"]
    assert data.val_names == names
    batches = [next(iter(loader)) for loader in data.val_dataloader()]
    assert [None if not isinstance(b, Forms) or b.pictures is None else b.pictures.shape[1] for b in batches] == [
        *(None, None, 1, 2, None, None)
    ]
