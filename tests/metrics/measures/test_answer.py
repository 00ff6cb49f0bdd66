import pytest
import torch
from support.metric_batches import RedDetector, batch_of, noise
from torch import Tensor

from veggie_pl.batch import Batch, Skill
from veggie_pl.masks.paint import paint
from veggie_pl.metrics import functional
from veggie_pl.metrics.experts_given import Experts
from veggie_pl.metrics.measures import answer as measures
from veggie_pl.metrics.scored import Scored


def scored(edited: Tensor, batch: Batch) -> Scored:
    return Scored(edited, batch, Experts(RedDetector()))


def test_decoded_masks_are_read_by_each_samples_own_fill() -> None:
    batch = batch_of(Skill.GROUNDING)
    assert len(set(batch.fill)) > 3
    assert torch.equal(scored(batch.target, batch).decoded, batch.mask)
    assert not scored(batch.source, batch).decoded.any()


def test_region_measures_of_a_known_mistake() -> None:
    # Of a square of 8 x 8 that is seen in the first of two frames, the left half is found, in both frames.
    batch = batch_of(Skill.GROUNDING, 1, 2, 32)
    batch.mask[:] = False
    batch.mask[0, 0, 8:16, 8:16] = True
    found = torch.zeros_like(batch.mask)
    found[0, :, 8:16, 8:12] = True
    mistake = scored(paint(batch.source[0], found[0], batch.fill[0])[None], batch)
    assert measures.miou(mistake).item() == pytest.approx(100 * 32 / (64 + 32))
    assert measures.jaccard(mistake).item() == pytest.approx(100 * (32 / 64 + 0) / 2)
    f = functional.boundary_f(found[0, 0], batch.mask[0, 0]).item()
    assert 0.0 < f < 1.0
    assert measures.boundary(mistake).item() == pytest.approx(100 * f / 2)


def test_ssim_compares_with_the_target_not_the_source() -> None:
    batch = batch_of(Skill.GROUNDING)
    assert measures.ssim(scored(batch.target, batch)).tolist() == pytest.approx([100.0] * 16, abs=1e-3)
    assert (measures.ssim(scored(batch.source, batch)) < 99).all()


def test_parts_are_over_the_mask_of_the_batch() -> None:
    batch = batch_of(Skill.CHANGING)
    edited = (batch.target + 0.1 * noise(*batch.target.shape, seed=3)).clamp(-1, 1)
    likeness = functional.ssim_map(edited, batch.target).double()
    expected = {
        measures.psnr_inside: functional.psnr(edited, batch.target, batch.mask),
        measures.psnr_outside: functional.psnr(edited, batch.target, ~batch.mask),
        measures.ssim_inside: 100 * functional.mean_over(likeness, batch.mask),
        measures.ssim_outside: 100 * functional.mean_over(likeness, ~batch.mask),
    }
    for measure, values in expected.items():
        assert torch.equal(measure(scored(edited, batch)), values), measure.__name__


def test_psnr_is_over_the_whole_clip_against_the_target() -> None:
    batch = batch_of(Skill.STYLIZATION)
    assert measures.psnr(scored(batch.target, batch)).tolist() == [100.0] * 16
    assert torch.equal(measures.psnr(scored(batch.source, batch)), functional.psnr(batch.source, batch.target))


def test_change_success_of_target_and_source() -> None:
    batch = batch_of(Skill.CHANGING)
    assert measures.change_success(scored(batch.target, batch)).tolist() == [100.0] * 16
    assert measures.change_success(scored(batch.source, batch)).tolist() == [0.0] * 16


def test_ghost_counts_a_negative_as_much_and_at_most_all() -> None:
    batch = batch_of(Skill.REMOVAL)
    over = torch.linspace(-0.3, 1.2, 16)  # opacity of the old content
    edited = batch.target + over[:, None, None, None, None] * (batch.source - batch.target)
    expected = (100 * over.abs()).clamp(max=100).tolist()
    assert measures.ghost(scored(edited, batch)).tolist() == pytest.approx(expected, abs=1e-3)


def test_presence_and_absence_add_up_to_a_hundred() -> None:
    batch = batch_of(Skill.ADDITION)
    target = scored(batch.target, batch)
    assert measures.presence(target).tolist() == pytest.approx([80.0] * 16, abs=1e-5)
    assert measures.presence(scored(batch.source, batch)).tolist() == [0.0] * 16
    assert torch.equal(measures.absence(target), 100 - measures.presence(target))


def test_placed_needs_the_place_of_each_sample() -> None:
    batch = batch_of(Skill.ADDITION, places=[(0.0, 0.0, 0.5, 0.5), (0.5, 0.5, 1.0, 1.0)])
    placed = measures.placed(scored(batch.target, batch))
    assert placed[:2].tolist() == [100.0, 0.0]
    assert placed[2:].isnan().all()


def test_samples_without_a_phrase_are_not_looked_at() -> None:
    batch = batch_of(Skill.ADDITION)
    batch.examples[1] = batch.examples[1]._replace(phrase="")
    found = scored(batch.target, batch)
    for measure in (measures.presence, measures.placed):
        values = measure(found)
        assert values[1].isnan()
        assert not values[[0, *range(2, 16)]].isnan().any()
