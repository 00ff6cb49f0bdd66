"""Outputs of Moving Shapes with a known fault, best first, and which measures see which fault.

A measure that does not tell these apart cannot be trusted to tell models apart. ``SEES`` is what tests find over a few
clips of every skill that has the measure; it is checked both ways, and ``docs/EVALUATION.md`` lists it.
"""

from dataclasses import replace

import torch
import torch.nn.functional as F

from veggie_pl.batch import Batch, Clip, Clips, Skill, collate
from veggie_pl.data.shapes.benchmark import ShapesBenchmark
from veggie_pl.data.shapes.edits import Addition, BackgroundChange, Changing, Edit, FeatureChange, Removal, Stylization
from veggie_pl.data.shapes.render import render, silhouette
from veggie_pl.data.shapes.scene import Scene
from veggie_pl.data.shapes.vocabulary import find_vocabulary
from veggie_pl.masks.paint import paint
from veggie_pl.seeding import torch_rng

TARGET, SLIGHT, OBJECT, COPY, NOISE = "target", "slightly wrong", "wrong object", "copy", "noise"
FAULTS = (SLIGHT, OBJECT, COPY, NOISE)  # from the least to the worst
_WAY_BACK, _GRAIN = 0.25, 0.05  # of a slightly wrong output: how far it lags behind, and its noise, in [-1, 1]
_WORDS = find_vocabulary("small")
_ALL = frozenset(FAULTS)

# By measure: faults that cost something in every skill that has the measure.
SEES: dict[str, frozenset[str]] = {
    **dict.fromkeys(("miou", "j", "f", "jf", "giou", "ciou", "ssim", "psnr", "overall"), _ALL),
    **dict.fromkeys(("psnr_inside", "ssim_inside", "ssim_outside", "ghost"), _ALL),
    "success": _ALL - {SLIGHT},
    "detection": _ALL - {NOISE},
    **dict.fromkeys(("psnr_outside", "kept_psnr", "kept_ssim"), _ALL - {COPY}),
    "warp_ratio": frozenset({SLIGHT, NOISE}),
    "noise": frozenset({SLIGHT, NOISE}),
    "vbench_flickering": frozenset({NOISE}),
    "changed": frozenset({COPY}),
    "sharpness": frozenset({SLIGHT}),
}
ORDERS = frozenset({"overall"})  # measures that rank all outputs in the order of ``FAULTS``, in every such skill


def planted_outputs(skill: Skill, num_clips: int = 8, num_frames: int = 4) -> tuple[Batch, dict[str, Clips]]:
    """Make clips of Moving Shapes, and outputs of each: the exact answer, and one with each fault.

    - slightly wrong: a quarter of the way back to the source, with a little noise; a region is a pixel too wide.
    - wrong object: what was asked for, but of or with another object, background or style.
    - copy: the source.
    - noise: even noise.

    Args:
        skill: Of the edits.
        num_clips: Each with two or three objects.
        num_frames: Of each clip.

    Returns:
        What was asked, and outputs by name, in the order of ``TARGET`` and ``FAULTS``.
    """
    bench = ShapesBenchmark(num_frames=num_frames, skills=[skill], num_objects=(2, 3))
    stream, records = bench.streams()[skill], bench.records[skill]
    batch = collate([(i, stream[i]) for i in range(num_clips)])
    assert batch.target is not None
    others = [_other(*records.scene(i), batch.source[i], batch.fill[i]) for i in range(num_clips)]
    rng = torch_rng("planted", skill)
    noise = torch.rand(batch.source.shape, generator=rng) * 2 - 1
    if skill.is_painted:
        wide = F.max_pool2d(batch.mask.float(), 3, 1, padding=1) > 0
        near = [paint(*clip) for clip in zip(batch.source, wide, batch.fill, strict=True)]
        slight = torch.stack(near)
    else:
        slight = batch.target.lerp(batch.source, _WAY_BACK)
    slight = (slight + _GRAIN * noise).clamp(-1, 1)
    outputs = (batch.target, slight, torch.stack(others), batch.source, noise)
    return batch, dict(zip((TARGET, *FAULTS), outputs, strict=True))


def _other(scene: Scene, edit: Edit, source: Clip, fill: str) -> Clip:
    """Make an output that does what was asked, but of another object, or with another one."""
    size, num_frames = source.shape[-1], len(source)
    index = edit.subject
    wrong = 0 if index is None else (index + 1) % len(scene.things)
    match edit:
        case Addition():
            own = edit.thing
            shape, color = _next(own.shape, _WORDS.shapes), _next(own.color, _WORDS.colors)
            edited = replace(edit, thing=replace(own, shape=shape, color=color)).edited_scene(scene)
        case Removal():
            edited = replace(edit, index=wrong).edited_scene(scene)
        case Changing():
            new = replace(scene.things[wrong], shape=edit.new.shape, color=edit.new.color, texture=edit.new.texture)
            edited = replace(edit, index=wrong, new=new).edited_scene(scene)
        case FeatureChange():
            new = replace(scene.things[wrong], color=edit.new.color, texture=edit.new.texture)
            edited = replace(edit, index=wrong, new=new).edited_scene(scene)
        case BackgroundChange():
            kinds = [kind for kind in _WORDS.backgrounds if kind != scene.background.kind]
            edited = replace(scene, background=replace(edit.background, kind=_next(edit.background.kind, kinds)))
        case Stylization():
            edited = replace(scene, style=_next(edit.style, _WORDS.styles))
        case _:
            return paint(source, silhouette(scene, wrong, size, num_frames), fill)
    return render(edited, size, num_frames)


def _next(name: str, names: list[str] | tuple[str, ...]) -> str:
    return names[(names.index(name) + 1) % len(names)]
