import pytest
import torch
from support.parts import fit, make_data, tiny_module
from support.video_models import wan_module

from veggie_pl.callbacks import Freeze


def test_frozen_parts_do_not_learn_and_others_do() -> None:
    module = tiny_module(optimizer=lambda parameters: torch.optim.SGD(parameters, 1.0))
    before = {name: value.clone() for name, value in module.state_dict().items()}
    trainer = fit(module, make_data(), 2, callbacks=[Freeze(["vae", "mllm"])])
    after = module.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before if name.startswith("mllm."))
    assert not torch.equal(after["viddm.unet.conv_out.weight"], before["viddm.unet.conv_out.weight"])
    held = {id(p) for group in trainer.optimizers[0].param_groups for p in group["params"]}
    assert held == {id(p) for p in module.parameters() if p.requires_grad}
    assert not held & {id(p) for p in module.mllm.parameters()}


def test_frozen_parts_stay_in_eval_mode_after_validation() -> None:
    seen = []

    class Watch(Freeze):
        def on_train_batch_end(self, trainer, pl_module, *args) -> None:
            seen.append((pl_module.mllm.training, pl_module.mllm.model.training, pl_module.viddm.unet.training))

    fit(tiny_module(), make_data(num_val=1), 4, callbacks=[Watch(["mllm"])], val_check_interval=2)
    assert seen == [(False, False, True)] * 4


def test_inner_module_can_be_frozen() -> None:
    module = tiny_module()
    fit(module, make_data(), 1, callbacks=[Freeze(["mllm.model.model.vision_tower"])])
    frozen = {name.split(".")[2] for name, p in module.mllm.named_parameters() if not p.requires_grad}
    assert frozen == {"vision_tower"}


@pytest.mark.parametrize("kind", ["spatial", "temporal"])
def test_layers_of_a_kind_can_be_frozen(kind: str) -> None:
    module = tiny_module(video=True)
    Freeze(["mllm", f"viddm.{kind}"]).apply(module)
    for name, parameter in module.viddm.named_parameters():
        assert parameter.requires_grad == (module.viddm.layer_kind(name) != kind), name
    temporal = [layer for name, layer in module.viddm.named_modules() if name.endswith("motion_modules.0.norm")]
    assert {layer.training for layer in temporal} == {kind != "temporal"}
    assert module.viddm.unet.conv_in.training == (kind != "spatial")


def test_kind_of_layers_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"cannot freeze \['viddm.temporal'\]"):
        Freeze(["viddm.temporal"]).apply(tiny_module(video=False))


def test_unknown_name_is_an_error_with_the_choices() -> None:
    with pytest.raises(ValueError, match=r"cannot freeze \['mlm'\]; the parts are \['mllm', 'queries', 'aligner'"):
        fit(tiny_module(), make_data(), 1, callbacks=[Freeze(["mlm"])])


def test_parts_of_the_denoiser_are_frozen_by_names_of_every_backbone() -> None:
    module = wan_module()
    Freeze(["vae", "denoiser.norm", "denoiser.self_attention"]).apply(module)
    for name, parameter in module.viddm.named_parameters():
        frozen = ".attn1." in name or ("norm" in name and ".attn2." not in name) or "scale_shift_table" in name
        assert parameter.requires_grad != frozen, name
    block = module.viddm.transformer.blocks[0]
    assert (block.training, block.attn1.to_q.training, block.attn2.to_q.training) == (True, False, True)
    Freeze(["denoiser.all"]).apply(module)
    assert not any(parameter.requires_grad for parameter in module.viddm.parameters())


def test_unknown_part_of_the_denoiser_is_an_error_with_those_it_has() -> None:
    has = "denoiser.all, denoiser.cross_attention, denoiser.embedding, denoiser.feed_forward, denoiser.norm"
    with pytest.raises(ValueError, match=rf"cannot freeze \['denoiser.temporal'\].* also {has}"):
        Freeze(["denoiser.temporal"]).apply(wan_module())
