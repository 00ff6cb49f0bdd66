"""The model's own mask steers its edit. The asking is the real one; who answers paints where it is told to."""

import logging
from typing import Any

import pytest
import torch
from support.parts import make_batch, randomise_output, tiny_module
from torch import Tensor

from veggie_pl.batch import Skill
from veggie_pl.commands.configs import scored_method
from veggie_pl.data.instructions.sought import pointing_at
from veggie_pl.diffusion.guidance import Guidance
from veggie_pl.inference.editor import Editor
from veggie_pl.keeping import edit_keeping
from veggie_pl.masks.paint import paint
from veggie_pl.module import VeggieModule

REMOVE, SEEDS = "remove the red circle", [("a", 0), ("a", 1)]
THING = torch.zeros(2, 16, 16, dtype=torch.bool)
THING[:, 2:4, 2:4] = True
FAR = torch.zeros(16, 16, dtype=torch.bool)
FAR[8:] = True


def pointed(clips: Tensor, phrase: str, mask: Tensor = THING) -> Tensor:
    return torch.stack([paint(clip, mask, pointing_at(phrase).fill) for clip in clips])


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> VeggieModule:
    """A real model that repaints everything, and is sure where things are: in ``THING``, but for green ones."""
    made = tiny_module(video=True, num_steps=2).eval()
    randomise_output(made)
    real, made.asked = made.edit, []  # type: ignore[assignment]

    def edit(source: Tensor, instruction: list[str], guidance: Guidance, seeds: Any, **how: Any) -> Tensor:
        made.asked.append((list(instruction), source))  # type: ignore[union-attr, operator]
        if instruction[0].startswith("Please label"):
            masks = [THING & ("green" not in words) for words in instruction]
            fills = [words.split()[-2] for words in instruction]
            return torch.stack([paint(*one) for one in zip(source, masks, fills, strict=True)])
        return real(source, instruction, guidance, seeds, **how)

    monkeypatch.setattr(made, "edit", edit)
    return made


def test_pixels_outside_are_the_sources_to_the_last_bit(module: VeggieModule) -> None:
    source = make_batch(2, 2).source
    plain = module.edit(source, [REMOVE] * 2, Guidance(), SEEDS)
    kept = edit_keeping(module, Skill.REMOVAL, source, [REMOVE] * 2, Guidance(), SEEDS)
    assert (plain[..., FAR] != source[..., FAR]).float().mean() > 0.9  # the plain edit repaints everything
    assert torch.equal(kept[..., FAR], source[..., FAR])
    assert not torch.equal(kept[..., 2:4, 2:4], source[..., 2:4, 2:4])


def test_additions_are_looked_for_in_the_edit(module: VeggieModule) -> None:
    source, words = make_batch(2, 2).source, ["add a red circle"] * 2
    kept = edit_keeping(module, Skill.ADDITION, source, words, Guidance(), SEEDS)
    (first, _), (question, seen) = module.asked  # type: ignore[misc, union-attr]
    assert first == words
    assert question == [pointing_at("red circle").instruction] * 2
    assert torch.equal(seen, module.edit(source, words, Guidance(), SEEDS))
    assert torch.equal(kept[..., FAR], source[..., FAR])


def test_empty_mask_and_unknown_words_are_plain_edits_and_said(
    module: VeggieModule, caplog: pytest.LogCaptureFixture
) -> None:
    source = torch.cat([make_batch(2, 2).source, make_batch(1, 2, seed=4).source])
    words, seeds = [REMOVE, "remove the green star", "remove it"], [*SEEDS, ("a", 2)]
    plain = module.edit(source, words, Guidance(), seeds)
    with caplog.at_level(logging.INFO, "veggie_pl"):
        kept = edit_keeping(module, Skill.REMOVAL, source, words, Guidance(), seeds)
    assert torch.equal(kept[0][..., FAR], source[0][..., FAR])
    assert torch.allclose(kept[1:], plain[1:], atol=1e-5)
    assert "'remove the green star', the green star: it was not found" in caplog.text
    assert "'remove it', no rule knows what it is about, so all of the picture may change" in caplog.text


@pytest.mark.parametrize("skill", [Skill.BACKGROUND, Skill.STYLIZATION, Skill.GROUNDING, Skill.REASONING, None])
def test_other_skills_are_plain_edits(module: VeggieModule, skill: Skill | None) -> None:
    source, words = make_batch(2, 2).source, ["turn the red circle into night", REMOVE]
    plain = module.edit(source, words, Guidance(), SEEDS)
    assert torch.equal(edit_keeping(module, skill, source, words, Guidance(), SEEDS), plain)
    assert len(module.asked) == 2  # type: ignore[arg-type]


def test_batches_are_edited_so_where_the_model_is_told_to(module: VeggieModule) -> None:
    batch = make_batch(2, 2)
    batch.examples = [one._replace(skill=Skill.REMOVAL, instruction=REMOVE) for one in batch.examples]
    assert not torch.equal(module.edit_batch(batch)[..., FAR], batch.source[..., FAR])
    module.keep = "background"
    assert torch.equal(module.edit_batch(batch)[..., FAR], batch.source[..., FAR])


def test_editor_keeps_the_background_and_counts_the_steps_of_the_edit_alone(module: VeggieModule) -> None:
    steps: list[int] = []
    clip = make_batch(1, 2).source[0]
    edited = Editor(module, num_steps=2, on_step=steps.append, keep="background").edit_clip(clip, REMOVE)
    assert torch.equal(edited[..., FAR], clip[..., FAR])
    assert steps == [1, 2]


def test_scored_model_is_told_what_to_keep() -> None:
    shipped = scored_method("weights/nano/model", keep="background")
    assert isinstance(shipped, VeggieModule)
    assert (shipped.keep, scored_method("weights/nano/model").keep) == ("background", "nothing")
