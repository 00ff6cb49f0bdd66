from veggie_pl.data.shapes import ShapesRecords
from veggie_pl.data.shapes.edits import Addition, Reasoning, Removal
from veggie_pl.data.shapes.language import caption, parsed_edit
from veggie_pl.data.shapes.scene import Background, Scene, Thing, make_motion

BOX = Thing("square", "blue", "striped", "large", start=(0.7, 0.6))
BALL = Thing("circle", "red", "plain", "small", make_motion("right", "slowly"), (0.2, 0.3))
SCENE = Scene(Background("night"), (BOX, BALL))


def test_caption_names_everything_from_left_to_right() -> None:
    first, second, background = caption(SCENE, 8).split(";")
    for word in ("red", "circle", "plain", "small", "right", "slowly"):
        assert word in first
    for word in ("blue", "square", "striped", "large", "static"):
        assert word in second
    assert background.strip() == "a night sky"


def test_caption_of_an_image_says_nothing_of_motion() -> None:
    assert "slowly" not in caption(SCENE, 1)
    assert "static" not in caption(SCENE, 1)


def test_caption_tells_scenes_apart() -> None:
    records = ShapesRecords("train", num_frames=8)
    scenes = {records.scene(i)[0] for i in range(200)}
    assert len({caption(scene, 8) for scene in scenes}) > 0.97 * len(scenes)  # the phase of backgrounds is not said


def test_parsed_edit_starts_with_the_skill_and_finds_the_thing() -> None:
    parsed = parsed_edit(Removal(1), SCENE, 8)
    assert parsed.startswith("removal")
    assert "red circle" in parsed
    assert "blue" not in parsed
    added = parsed_edit(Addition(BALL, "on the left"), Scene(SCENE.background, (BOX,)), 8)
    assert added.startswith("addition")
    assert "on the left" in added


def test_parsed_edit_of_a_question_holds_its_answer() -> None:
    records = ShapesRecords("train", skills={"reasoning": 1.0}, num_frames=1)
    for i in range(50):
        scene, edit = records.scene(i)
        assert isinstance(edit, Reasoning)
        answer = scene.things[edit.index]
        parsed = parsed_edit(edit, scene, 1)
        assert f"{answer.color} {answer.shape}" in parsed
        assert edit.fill in parsed
