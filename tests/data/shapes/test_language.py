from veggie_pl.data.shapes import ShapesRecords
from veggie_pl.data.shapes.edits import Addition, BackgroundChange, Changing, Grounding, Reasoning, Removal, Stylization
from veggie_pl.data.shapes.language import NOTHING, SLOTS, caption, request_form
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


def test_form_of_a_thing_tells_it_and_follows_it() -> None:
    forms = request_form(Removal(1), SCENE, 8)
    assert all(tuple(form) == SLOTS for form in forms)
    assert {(form["skill"], form["color"], form["shape"], form["motion"]) for form in forms} == {
        ("removal", "red", "circle", "right")
    }
    assert (forms[0]["column"], forms[0]["row"]) == ("1", "2")  # 0.2 * 8, 0.3 * 8
    assert [int(form["column"]) for form in forms] == [int((0.2 + 0.2 * k / 7) * 8) for k in range(8)]
    assert {form["new color"] for form in forms} == {form["fill"] for form in forms} == {NOTHING}


def test_form_tells_what_comes() -> None:
    added = request_form(Addition(BALL, "in the middle"), Scene(SCENE.background, (BOX,)), 1)[0]
    assert (added["new color"], added["new shape"], added["place"], added["column"]) == ("red", "circle", "middle", "1")
    assert added["color"] == NOTHING
    changed = request_form(Changing(0, BALL), SCENE, 1)[0]
    assert (changed["color"], changed["new color"], changed["new texture"]) == ("blue", "red", "plain")
    assert request_form(BackgroundChange(Background("wall")), SCENE, 1)[0]["look"] == "gray"
    assert request_form(Stylization("sepia"), SCENE, 1)[0]["look"] == "sepia"
    assert request_form(Grounding(0, "blue"), SCENE, 1)[0]["fill"] == "blue"


def test_form_of_a_question_holds_its_answer() -> None:
    records = ShapesRecords("train", skills={"reasoning": 1.0}, num_frames=1)
    for i in range(50):
        scene, edit = records.scene(i)
        assert isinstance(edit, Reasoning)
        answer = scene.things[edit.index]
        form = request_form(edit, scene, 1)[0]
        assert (form["color"], form["shape"], form["fill"]) == (answer.color, answer.shape, edit.fill)
