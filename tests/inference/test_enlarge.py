"""Edits made at the model's size, brought back to the source's: what is kept, and what goes with the change."""

import numpy as np
import torch

from veggie_pl.batch import Skill, collate
from veggie_pl.data.shapes import ShapesBenchmark
from veggie_pl.inference.enlarge import REACH, at_source_size
from veggie_pl.video.clip import resize


def disc(size: int, colour: tuple[float, float, float], back: float = -0.5) -> torch.Tensor:
    """A disc with a hard edge on a plain ground, (1, 3, size, size)."""
    place = (torch.arange(size) + 0.5) / size - 0.5
    inside = place[:, None] ** 2 + place[None] ** 2 < 0.3**2
    return torch.where(inside, torch.tensor(colour)[:, None, None], back)[None]


def test_an_edit_that_changes_nothing_gives_the_source_itself() -> None:
    source = torch.rand(2, 3, 33, 47) * 2 - 1
    small = resize(source, 16, 16)
    assert torch.equal(at_source_size(small, small, source), source)


def test_detail_stays_under_a_change_that_is_the_same_all_over() -> None:
    source = torch.rand(1, 3, 64, 64) - 0.5
    small = resize(source, 16, 16)
    assert torch.allclose(at_source_size(small + 0.25, small, source) - source, torch.tensor(0.25), atol=1e-5)


def test_pixels_that_no_change_reaches_are_the_sources_to_the_last_bit() -> None:
    source = torch.rand(1, 3, 64, 64) - 0.5
    small = resize(source, 16, 16)
    edited = small.clone()
    edited[..., :4, :4] = 0
    whole = at_source_size(edited, small, source)
    assert torch.equal(whole[..., 18:, :], source[..., 18:, :])
    assert torch.equal(whole[..., 18:], source[..., 18:])
    assert not torch.equal(whole[..., :18, :18], source[..., :18, :18])


def test_a_removed_thing_leaves_no_ring() -> None:
    source = disc(128, (0.9, 0.1, -0.3))
    small = resize(source, 32, 32)
    left = (at_source_size(torch.full_like(small, -0.5), small, source) + 0.5).abs()
    assert left.max() < 0.35  # of a contrast of 1.4; the change alone leaves 0.75
    assert left.mean() < 0.006


def test_a_recoloured_thing_keeps_its_sharp_edge() -> None:
    source, wanted = disc(128, (0.9, 0.1, -0.3)), disc(128, (-0.4, 0.6, 0.8))
    whole = at_source_size(resize(wanted, 32, 32), resize(source, 32, 32), source)
    assert (whole - wanted).abs().max() < 0.35  # the change alone: 0.70
    assert (whole - wanted).abs().mean() < 0.008


def test_a_darker_picture_has_darker_detail() -> None:
    source = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 1.6 - 0.8
    small = resize(source, 32, 32)
    whole = at_source_size(small * 0.5, small, source)
    assert (whole - source * 0.5).abs().mean() < 0.25 * (source * 0.5).abs().mean()


def test_windows_reach_to_both_sides_and_over_the_border() -> None:
    rows = torch.linspace(-0.8, 0.8, 16)[None, None, :, None].expand(1, 3, 16, 16)
    source = resize(rows.contiguous(), 64, 64)
    small = resize(source, 16, 16)
    assert (at_source_size(-small, small, source) + source).abs().max() < 0.1
    assert REACH == 2


def test_exact_edits_of_moving_shapes_come_closer_than_by_the_change_alone() -> None:
    streams = ShapesBenchmark("val", num_frames=1, size=128).streams()
    for skill in (Skill.REMOVAL, Skill.VISUAL_FEATURE, Skill.STYLIZATION):
        batch = collate([(number, streams[skill][number]) for number in range(4)])
        source, target = batch.source[:, 0], batch.target[:, 0]
        small, edited = resize(source, 32, 32), resize(target, 32, 32)
        alone = (source + resize(edited - small, 128, 128) - target).square().mean()
        assert 10 * np.log10(alone / (at_source_size(edited, small, source) - target).square().mean()) > 4  # dB
