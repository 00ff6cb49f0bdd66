import numpy as np
import pytest
import torch

from veggie_pl.data.shapes.backgrounds import render_background
from veggie_pl.data.shapes.render import render, silhouette
from veggie_pl.data.shapes.scene import Background, Scene, Thing, make_motion
from veggie_pl.data.shapes.styles import apply_style
from veggie_pl.data.shapes.vocabulary import COLORS, LARGE

BACK = Thing("square", "green", "plain", "large", start=(0.5, 0.5))
FRONT = Thing("circle", "red", "plain", "small", make_motion("right", "fast"), (0.3, 0.5))
SCENE = Scene(Background("beach", 0.3, 0.25), (BACK, FRONT))


def test_render_shows_the_colour_at_the_centre() -> None:
    clip = render(SCENE, 32, 8)
    assert clip.shape == (8, 3, 32, 32)
    assert clip.dtype == torch.float32
    for frame, (x, y) in enumerate(FRONT.path(8) * 32):
        seen = (clip[frame, :, int(y), int(x)] + 1) / 2
        torch.testing.assert_close(seen, torch.tensor(COLORS["red"]))


def test_render_stays_in_range_in_every_style_and_background() -> None:
    for kind in LARGE.backgrounds:
        for style in ("", *LARGE.styles):
            clip = render(Scene(Background(kind), (BACK,), style), 32, 2)
            assert clip.min() >= -1
            assert clip.max() <= 1


@pytest.mark.parametrize("kind", LARGE.backgrounds)
def test_backgrounds_are_softer_than_any_color(kind: str) -> None:
    pixels = render_background(Background(kind), 32, 1)[0].reshape(3, -1)
    for name, color in COLORS.items():
        assert np.linalg.norm(pixels - np.asarray(color)[:, None], axis=0).min() > 0.08, name
    chroma = (pixels.max(0) - pixels.min(0)).max()
    assert chroma < min(max(color) - min(color) for color in COLORS.values())


def test_background_drifts_by_its_speed_and_repeats() -> None:
    still = render_background(Background("night"), 32, 5)
    assert (still == still[0]).all()
    moving = render_background(Background("night", speed=0.25), 32, 5)  # 2 pixels a frame
    np.testing.assert_array_equal(moving[1], np.roll(still[0], -2, axis=2))
    np.testing.assert_array_equal(moving[4], np.roll(still[0], -8, axis=2))
    np.testing.assert_array_equal(
        render_background(Background("night", phase=0.5), 32, 1)[0], np.roll(still[0], -16, 2)
    )


def test_silhouette_leaves_out_what_is_hidden() -> None:
    alone = silhouette(Scene(SCENE.background, (BACK,)), 0, 32, 8)
    seen = silhouette(SCENE, 0, 32, 8)
    front = silhouette(SCENE, 1, 32, 8)
    assert seen.sum() < alone.sum()
    assert not (seen & front).any()
    assert torch.equal(silhouette(Scene(SCENE.background, (FRONT, BACK)), 1, 32, 8), alone)


def test_textures_are_darker_bands_of_the_same_outline() -> None:
    plain, striped, checkered = (
        render(Scene(Background("wall"), (Thing("square", "yellow", texture, "large"),)), 32, 1)[0, 0, 11:21, 11:21]
        for texture in LARGE.textures
    )
    for textured in (striped, checkered):
        share = (textured < plain - 0.5).float().mean()
        assert 0.3 < share < 0.7
    assert (striped.std(0) > 0.3).all()  # across the stripes
    assert (striped.std(1) < 1e-6).all()  # along a stripe


def test_styles_are_far_from_each_other_and_from_the_source() -> None:
    pixels = ((render(SCENE, 32, 2) + 1) / 2).numpy()
    looks = [pixels, *(apply_style(pixels, style) for style in LARGE.styles)]
    for i, one in enumerate(looks):
        for other in looks[:i]:
            assert np.abs(one - other).mean() > 0.03


def test_unknown_style_names_the_choices() -> None:
    with pytest.raises(ValueError, match="'cubist'; the choices are negative"):
        apply_style(np.zeros((1, 3, 8, 8), np.float32), "cubist")
