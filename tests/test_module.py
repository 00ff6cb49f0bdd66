from dataclasses import replace

import pytest
import torch
from diffusers import DDPMScheduler
from support.parts import make_batch, randomise_output, tiny_module

from veggie_pl.batch import Batch, Example, MissingSample, Skill
from veggie_pl.diffusion.guidance import Guidance
from veggie_pl.models import PixelCodec


def rows(batch: Batch, start: int, stop: int) -> Batch:
    return batch.rows(list(range(start, stop)))


def gradients(module, batches: list[Batch]) -> dict[str, torch.Tensor]:
    module.zero_grad()
    for batch in batches:
        (module.per_sample_loss(batch, "fit").mean() / len(batches)).backward()
    return {name: p.grad.clone() for name, p in module.named_parameters() if p.grad is not None}


def test_micro_batches_equal_one_batch() -> None:
    module = tiny_module()
    randomise_output(module)
    batch = make_batch(4, 2)
    whole = gradients(module, [batch])
    parts = gradients(module, [rows(batch, i, i + 1) for i in range(4)])
    assert whole.keys() == parts.keys()
    for name in whole:
        torch.testing.assert_close(parts[name], whole[name], atol=1e-6, rtol=1e-4, msg=name)


def test_missing_samples_weigh_nothing_in_whatever_micro_batch_they_are() -> None:
    module = tiny_module()
    randomise_output(module)
    batch = make_batch(4, 2)
    batch.missing[1:3] = [MissingSample("clips", row, f"bad/{row}", "cut off") for row in (1, 2)]

    def trained(parts: list[Batch]) -> dict[str, torch.Tensor]:
        module.zero_grad()
        module.log = lambda *args, **options: None
        for part in parts:
            (module.training_step(part, 0)["loss"] / len(parts)).backward()
        return {name: p.grad.clone() for name, p in module.named_parameters() if p.grad is not None}

    whole = trained([batch])
    parts = trained([rows(batch, 0, 2), rows(batch, 2, 4)])
    singles = trained([rows(batch, i, i + 1) for i in range(4)])  # two of which are nothing but a missing sample
    module.zero_grad()
    (module.per_sample_loss(batch.rows([0, 3]), "fit").sum() / 4).backward()
    by_hand = {name: p.grad for name, p in module.named_parameters() if p.grad is not None}
    for name, expected in by_hand.items():
        for found in (whole, parts, singles):
            torch.testing.assert_close(found[name], expected, atol=1e-6, rtol=1e-4, msg=name)


def test_queries_learn_through_a_frozen_mllm() -> None:
    module = tiny_module()
    randomise_output(module)
    module.mllm.requires_grad_(False)
    found = gradients(module, [make_batch(3, 1)])
    assert found["queries.group"].abs().max() > 0
    assert found["queries.frame"].abs().max() > 0
    assert not any(name.startswith("mllm.") for name in found)


@pytest.mark.parametrize("add_source", [True, False])
def test_a_model_that_adds_the_source_sees_the_noisy_change(add_source: bool) -> None:
    module = tiny_module(add_source=add_source)
    shown = []
    module.viddm.unet.register_forward_pre_hook(lambda unet, given: shown.append(given[0][:, : module.vae.channels]))
    source, change, noise = torch.randn(3, 2, 1, module.vae.channels, 4, 4)
    timestep = torch.tensor([100, 900])
    noisy = module.objective.scheduler.add_noise(source + change, noise, timestep)
    module.predict(noisy, source, timestep, torch.zeros(2, 1, 2, 24))
    expected = module.objective.scheduler.add_noise(change, noise, timestep) if add_source else noisy
    torch.testing.assert_close(shown[0], expected[:, 0], atol=1e-5, rtol=1e-5)


def test_every_part_learns_when_nothing_is_frozen() -> None:
    module = tiny_module(video=True, drop_task=0.5)  # the null tokens learn from dropped samples
    randomise_output(module)
    for name, parameter in module.viddm.named_parameters():  # zero output layers keep what is below them from gradient
        if "motion_modules" in name and "proj_out" in name:
            torch.nn.init.normal_(parameter, std=0.05)
    found = gradients(module, [make_batch(8, 2)])
    silent = [name for name, p in module.named_parameters() if name not in found or not found[name].abs().max() > 0]
    # LLaVA reads the vision tower before its last norm, so that norm never learns: conf/stage2.yaml freezes it by name.
    assert {name.rsplit(".", 1)[0] for name in silent} == {"mllm.model.model.vision_tower.post_layernorm"}


def test_loss_depends_on_seed_and_example_only() -> None:
    module = tiny_module()
    randomise_output(module)
    batch = make_batch(3, 1)
    first = module.per_sample_loss(batch, "fit")
    torch.manual_seed(99)
    torch.testing.assert_close(module.per_sample_loss(batch, "fit"), first, rtol=0, atol=0)
    batch.index += 1
    assert not torch.allclose(module.per_sample_loss(batch, "fit"), first)


def test_instruction_reaches_the_output() -> None:
    module = tiny_module()
    randomise_output(module)
    source = make_batch(1, 2).source
    night, circle = (
        module.edit(source, [words], Guidance(), [("s",)], num_steps=2) for words in ("make it night", "remove it")
    )
    assert not torch.allclose(night, circle)


def test_untrained_nano_model_copies_the_source() -> None:
    module = tiny_module()
    source = make_batch(2, 3).source
    edited = module.edit(source, ["make it night"] * 2, Guidance(3.0, 1.0), [("s", 0), ("s", 1)], num_steps=3)
    torch.testing.assert_close(edited, source, atol=1e-5, rtol=0)


def test_edit_of_a_batch_equals_edits_one_by_one() -> None:
    module = tiny_module(guidance={"removal": Guidance(2.0, 1.0)})
    randomise_output(module)
    batch = make_batch(5, 2)
    together = module.edit_batch(batch)
    alone = torch.cat([module.edit_batch(rows(batch, i, i + 1)) for i in range(5)])
    torch.testing.assert_close(together, alone, atol=2e-5, rtol=1e-4)


def test_edit_of_a_batch_goes_by_its_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by the words, which a data set may put as it likes."""
    module = tiny_module(guidance={"removal": Guidance(2.0), "grounding": Guidance(3.0)})
    batch = make_batch(2, 1)
    batch.examples = [Example(str(skill), skill, "make it night") for skill in (Skill.REMOVAL, Skill.GROUNDING)]
    seen: list[float] = []
    monkeypatch.setattr(module, "edit", lambda source, words, guidance, seeds: seen.append(guidance.task) or source)
    module.edit_batch(batch)
    assert sorted(seen) == [2.0, 3.0]


def test_stochastic_sampling_is_the_seeds_own() -> None:
    module = tiny_module(num_steps=3)
    randomise_output(module)
    module.objective.scheduler = DDPMScheduler(prediction_type="sample", timestep_spacing="trailing")
    batch = make_batch(3, 2)
    torch.manual_seed(1)
    together = module.edit_batch(batch)
    torch.manual_seed(2)
    alone = torch.cat([module.edit_batch(rows(batch, i, i + 1)) for i in range(3)])
    torch.testing.assert_close(together, alone, atol=2e-5, rtol=1e-4)


def test_nothing_is_drawn_on_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a device that cannot draw at all, training and validation are the same."""
    module, batch = tiny_module(), make_batch(2, 2)
    expected = [module.per_sample_loss(batch, purpose) for purpose in ("fit", "validate")]
    monkeypatch.setattr(type(module), "device", torch.device("meta"))
    for purpose, loss in zip(("fit", "validate"), expected, strict=True):
        assert torch.equal(module.per_sample_loss(batch, purpose), loss)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="compares a GPU with the CPU")
def test_gpu_starts_from_the_same_noise() -> None:
    module, batch = tiny_module(num_steps=1), make_batch(2, 2)
    randomise_output(module)
    expected = module.edit_batch(batch), module.per_sample_loss(batch, "validate")
    module.cuda()
    batch = replace(batch, **{name: getattr(batch, name).cuda() for name in ("source", "target", "mask", "index")})
    found = module.edit_batch(batch), module.per_sample_loss(batch, "validate")
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one.cpu(), other, atol=1e-3, rtol=1e-2)


def test_frames_of_an_image_visit_every_place() -> None:
    module = tiny_module()
    generators = [torch.Generator().manual_seed(i) for i in range(200)]
    places = module.queries.place(1, generators)
    assert set(places.flatten().tolist()) == set(range(8))
    assert module.queries.place(8, generators[:2]).tolist() == [list(range(8))] * 2


def test_skill_weights_scale_the_loss() -> None:
    batch = make_batch(1, 1)
    batch.examples = [batch.examples[0]._replace(skill=Skill.STYLIZATION)]
    plain, scaled = tiny_module(), tiny_module(skill_weights={"stylization": 0.25})
    for module in (plain, scaled):
        module.log = lambda *args, **kwargs: None  # type: ignore[method-assign]
    full = plain.training_step(batch, 0)["loss"]
    torch.testing.assert_close(scaled.training_step(batch, 0)["loss"], full * 0.25)


def test_unknown_skill_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"\['removing'\].*'removal'"):
        tiny_module(skill_weights={"removing": 2.0})


def test_there_is_no_loss_without_targets_and_there_are_edits() -> None:
    module, batch = tiny_module(num_steps=1), make_batch(2, 1)
    asked = replace(batch, target=None)
    with pytest.raises(ValueError, match="training needs targets, but noise/0 has none"):
        module.training_step(asked, 0)
    module.eval()
    found = module.validation_step(asked, 0)
    assert found.keys() == {"edited"}
    assert torch.equal(found["edited"], module.validation_step(batch, 0)["edited"])


def test_parts_that_do_not_fit_are_an_error() -> None:
    module = tiny_module()
    parts = {name: getattr(module, name) for name in ("mllm", "queries", "aligner", "viddm")}
    with pytest.raises(ValueError, match="in_channels is 96, but twice the codec's channels is 24"):
        type(module)(**parts, vae=PixelCodec(2), scheduler=module.objective.scheduler)


def test_too_many_frames_are_an_error() -> None:
    with pytest.raises(ValueError, match="clip of 9 frames, but the queries cover 8"):
        tiny_module().edit(torch.zeros(1, 9, 3, 16, 16), ["make it night"], Guidance(), [("s",)])
