import pytest
import torch
from support.metric_batches import RedDetector, batch_of, noise

from veggie_pl.batch import Skill
from veggie_pl.masks.paint import paint
from veggie_pl.metrics import functional, measures


def test_decode_reads_each_sample_by_its_own_fill() -> None:
    batch = batch_of(Skill.GROUNDING)
    assert len(set(batch.fill)) > 3
    assert torch.equal(measures.decode(batch.target, batch), batch.mask)
    assert not measures.decode(batch.source, batch).any()


def test_region_measures_of_a_known_mistake() -> None:
    # Of a square of 8 x 8 that is seen in the first of two frames, the left half is found, in both frames.
    batch = batch_of(Skill.GROUNDING, 1, 2, 32)
    batch.mask[:] = False
    batch.mask[0, 0, 8:16, 8:16] = True
    found = torch.zeros_like(batch.mask)
    found[0, :, 8:16, 8:12] = True
    edited = paint(batch.source[0], found[0], batch.fill[0])[None]
    assert measures.miou(edited, batch).item() == pytest.approx(100 * 32 / (64 + 32))
    assert measures.jaccard(edited, batch).item() == pytest.approx(100 * (32 / 64 + 0) / 2)
    f = functional.boundary_f(found[0, 0], batch.mask[0, 0]).item()
    assert 0.0 < f < 1.0
    assert measures.boundary(edited, batch).item() == pytest.approx(100 * f / 2)


def test_ssim_compares_with_the_target_not_the_source() -> None:
    batch = batch_of(Skill.GROUNDING)
    assert measures.ssim(batch.target, batch).tolist() == pytest.approx([100.0] * 16, abs=1e-3)
    assert (measures.ssim(batch.source, batch) < 99).all()


@pytest.mark.parametrize("name", ["psnr_inside", "psnr_outside", "ssim_inside", "ssim_outside"])
def test_parts_are_over_the_mask_of_the_batch(name: str) -> None:
    batch = batch_of(Skill.CHANGING)
    edited = (batch.target + 0.1 * noise(*batch.target.shape, seed=3)).clamp(-1, 1)
    expected = getattr(functional, name)(edited, batch.target, batch.mask)
    scale = 100 if name.startswith("ssim") else 1
    assert torch.equal(getattr(measures, name)(edited, batch), scale * expected)


def test_psnr_is_over_the_whole_clip_against_the_target() -> None:
    batch = batch_of(Skill.STYLIZATION)
    assert measures.psnr(batch.target, batch).tolist() == [100.0] * 16
    assert torch.equal(measures.psnr(batch.source, batch), functional.psnr(batch.source, batch.target))


def test_change_success_of_target_and_source() -> None:
    batch = batch_of(Skill.CHANGING)
    assert measures.change_success(batch.target, batch).tolist() == [100.0] * 16
    assert measures.change_success(batch.source, batch).tolist() == [0.0] * 16


def test_presence_and_absence_add_up_to_a_hundred() -> None:
    batch = batch_of(Skill.ADDITION)
    present, absent = measures.Presence(RedDetector()), measures.Absence(RedDetector())
    assert present(batch.target, batch).tolist() == pytest.approx([80.0] * 16, abs=1e-5)
    assert present(batch.source, batch).tolist() == [0.0] * 16
    assert torch.equal(absent(batch.target, batch), 100 - present(batch.target, batch))


def test_placed_needs_the_place_of_each_sample() -> None:
    batch = batch_of(Skill.ADDITION)
    places = [(0.0, 0.0, 0.5, 0.5), (0.5, 0.5, 1.0, 1.0), *batch.place[2:-1], None]
    batch.examples = [one._replace(place=place) for one, place in zip(batch.examples, places, strict=True)]
    placed = measures.Placed(RedDetector())(batch.target, batch)
    assert placed[:3].tolist() == [100.0, 0.0, 100.0]
    assert placed[-1].isnan()


def test_presence_refuses_samples_without_a_phrase() -> None:
    batch = batch_of(Skill.ADDITION)
    batch.examples[3] = batch.examples[3]._replace(phrase="")
    with pytest.raises(ValueError, match=r"needs a phrase, but there is none for box/3$"):
        measures.Presence(RedDetector())(batch.target, batch)
