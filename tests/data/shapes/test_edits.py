import pytest

from veggie_pl.data.shapes.edits import Addition, BackgroundChange, Changing, FeatureChange, Removal, Stylization
from veggie_pl.data.shapes.scene import Background, Scene, Thing, make_motion

BALL = Thing("circle", "red", "plain", "small", make_motion("right", "slowly"), (0.2, 0.3))
BOX = Thing("square", "blue", "striped", "large", start=(0.7, 0.6))
STAR = Thing("star", "green", "plain", "large", make_motion("up", "slowly"), (0.25, 0.6))
SCENE = Scene(Background("night", 0.4, 0.25), (BALL, BOX))


def test_addition_puts_the_thing_in_front() -> None:
    edit = Addition(STAR, "on the left")
    assert edit.edited_scene(SCENE).things == (BALL, BOX, STAR)
    assert edit.slots(SCENE) == {"phrase": "green star moving up", "place": "on the left"}
    assert edit.subject is None


def test_removal_leaves_the_others() -> None:
    assert Removal(0).edited_scene(SCENE) == Scene(SCENE.background, (BOX,))
    assert Removal(1).slots(SCENE) == {"phrase": "striped blue square"}


def test_changing_replaces_in_place() -> None:
    edit = Changing(0, STAR)
    assert edit.edited_scene(SCENE).things == (STAR, BOX)
    assert edit.slots(SCENE) == {"phrase": "red circle", "new": "green star"}


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (Thing("square", "green", "striped", "large", start=(0.7, 0.6)), "green"),
        (Thing("square", "blue", "plain", "large", start=(0.7, 0.6)), "plain"),
    ],
)
def test_feature_change_says_what_is_new(new: Thing, said: str) -> None:
    edit = FeatureChange(1, new)
    assert edit.slots(SCENE) == {"phrase": "striped blue square", "new": said}
    assert edit.edited_scene(SCENE).things == (BALL, new)


def test_background_and_style_leave_the_things() -> None:
    beach = Background("beach")
    assert BackgroundChange(beach).edited_scene(SCENE) == Scene(beach, SCENE.things)
    assert BackgroundChange(beach).slots(SCENE) == {"new": "a beach"}
    assert Stylization("sepia").edited_scene(SCENE) == Scene(SCENE.background, SCENE.things, "sepia")
