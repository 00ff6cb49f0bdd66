"""Shadows and reflections of Moving Shapes."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from veggie_pl.batch import Skill
from veggie_pl.data.shapes import ShapesBenchmark, ShapesRecords
from veggie_pl.data.shapes.casts import BOTTOM, MIRRORS
from veggie_pl.data.shapes.edits import Addition, Removal
from veggie_pl.data.shapes.outlines import signed_distance
from veggie_pl.data.shapes.render import changed, render, silhouette
from veggie_pl.data.shapes.scene import REACH, Background, Scene, Thing
from veggie_pl.data.shapes.vocabulary import BACKGROUNDS, COLORS

SIZE = 32
CIRCLE = Thing("circle", "red", "plain", "large", start=(0.5, 0.4))


def scene_on(kind: str, *things: Thing) -> Scene:
    return Scene(Background(kind), things, shadows=True)


@pytest.mark.parametrize("kind", list(BACKGROUNDS))
def test_removing_a_thing_removes_what_it_casts(kind: str) -> None:
    scene = scene_on(kind, CIRCLE)
    empty = render(Removal(0).edited_scene(scene), SIZE, 2)
    assert torch.equal(empty, render(Scene(scene.background, ()), SIZE, 2))
    change, own = changed(render(scene, SIZE, 2), empty), silhouette(scene, 0, SIZE, 2)
    assert (change & own).sum() == own.sum()
    around = torch.nn.functional.max_pool2d(own.float(), 3, 1, padding=1) > 0  # its edge has pixels that are half its
    assert (change & ~around).sum() > 20


@pytest.mark.parametrize("kind", list(BACKGROUNDS))
def test_adding_a_thing_adds_what_it_casts(kind: str) -> None:
    other = replace(CIRCLE, color="blue", start=(0.2, 0.8))
    added = Addition(CIRCLE, "in the middle").edited_scene(scene_on(kind, other))
    assert torch.equal(render(added, SIZE, 1), render(scene_on(kind, other, CIRCLE), SIZE, 1))
    assert not torch.equal(render(added, SIZE, 1), render(replace(added, shadows=False), SIZE, 1))


def test_shadow_lies_down_to_the_right_and_has_the_backgrounds_colour() -> None:
    scene = scene_on("wall", CIRCLE)
    light = (render(scene, SIZE, 1) + 1) / 2
    plain = (render(replace(scene, shadows=False), SIZE, 1) + 1) / 2
    fallen = (plain - light)[0]
    rows, columns = torch.nonzero(fallen.sum(0) > 0.05, as_tuple=True)
    assert rows.float().mean() > 0.4 * SIZE + 2
    assert columns.float().mean() > 0.5 * SIZE + 2
    assert fallen.min() >= -1e-6  # it only takes light
    own = silhouette(scene, 0, SIZE, 1).float()
    around = torch.nn.functional.max_pool2d(own, 3, 1, padding=1)[0] > 0
    dark = (fallen.sum(0) > 0.3) & ~around
    shade = light[0, :, dark].mean(1) / plain[0, :, dark].mean(1)
    assert shade.tolist() == pytest.approx([shade[0].item()] * 3, abs=1e-3)


def test_reflection_is_upside_down_below_its_thing_and_fades() -> None:
    triangle = replace(CIRCLE, shape="triangle", start=(0.5, 0.3))
    scene = scene_on(min(MIRRORS), triangle)
    with_it, without = (render(one, 64, 1)[0] for one in (scene, replace(scene, shadows=False)))
    seen = (with_it - without).abs().sum(0)
    rows = torch.nonzero(seen.sum(1))[:, 0]
    ground = (0.3 + BOTTOM["triangle"] * triangle.radius) * 64
    assert rows.min() >= int(ground) - 1
    widths = (seen > 0.02).sum(1)
    assert widths[rows.min() + 1] > widths[rows.min() + 6] > 0  # broad where it stands, pointed below
    assert seen[rows.min() + 1].max() > seen[rows.min() + 8].max()


def test_things_hide_what_others_cast() -> None:
    front = replace(CIRCLE, color="blue", start=(0.55, 0.47))  # where the shadow of the first falls
    scene = scene_on("wall", CIRCLE, front)
    own = silhouette(scene, 1, SIZE, 1)[0]
    blue = 2 * torch.tensor(COLORS["blue"]) - 1
    inner = -torch.nn.functional.max_pool2d(-own[None].float(), 3, 1, padding=1)[0] > 0
    assert torch.allclose(render(scene, SIZE, 1)[0][:, inner], blue[:, None].expand(-1, int(inner.sum())), atol=1e-5)


@pytest.mark.parametrize("shape", list(REACH))
def test_bottom_of_a_shape_is_its_lowest_point(shape: str) -> None:
    axis = np.linspace(-1.5, 1.5, 601, dtype=np.float32)
    inside = signed_distance(shape, axis[None, :], axis[:, None], 1.0) <= 0
    assert axis[inside.any(1)].max() == pytest.approx(BOTTOM[shape], abs=0.01)


@pytest.mark.parametrize("skill", [Skill.REMOVAL, Skill.ADDITION, Skill.GROUNDING])
def test_records_with_shadows_are_the_same_scenes(skill: Skill) -> None:
    plain, casting = (ShapesRecords("val", skills={skill.value: 1.0}, shadows=on) for on in (False, True))
    for i in range(4):
        (scene, edit, words), (other, same, said) = plain.draw(i), casting.draw(i)
        assert (replace(scene, shadows=True), edit, words) == (other, same, said)
        assert plain.fingerprint(i) != casting.fingerprint(i)
        assert plain.names(i) != casting.names(i)
        one, two = plain[i], casting[i]
        assert not torch.equal(one.source, two.source)
        assert one.mask is not None
        assert two.mask is not None
        if skill is Skill.GROUNDING:
            assert torch.equal(one.mask, two.mask)  # the thing, not what it casts
        else:
            assert two.mask.sum() > one.mask.sum()
            assert torch.equal(
                two.target[~two.mask.unsqueeze(1).expand_as(two.target)],
                two.source[~two.mask.unsqueeze(1).expand_as(two.source)],
            )


def test_benchmark_hands_the_option_on() -> None:
    records = ShapesBenchmark(skills=["removal"], shadows=True).records["removal"]
    assert records.shadows
    assert not ShapesBenchmark(skills=["removal"]).records["removal"].shadows
    assert "shadows" not in repr(ShapesRecords("val").scene(0)[0])  # fingerprints of worlds without are as they were
