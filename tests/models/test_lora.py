"""LoRA in the MLLM: nothing at first, learns alone, and is merged when stored."""

from pathlib import Path

import pytest
import torch
from lightning import Trainer
from parts import NANO_MLLM, make_batch, tiny_module

from veggie_pl.callbacks import Freeze, InitFrom
from veggie_pl.model_folder import load_model, save_model
from veggie_pl.models.mllm import Lora, Mllm
from veggie_pl.module import VeggieModule


def adapted(seed: int = 0) -> VeggieModule:
    module = tiny_module(video=True, seed=seed)
    torch.manual_seed(seed)
    mllm = Mllm(str(NANO_MLLM), num_slots=8, attention="eager", lora=Lora(rank=4))
    module.mllm = mllm
    return module


def randomise(module: VeggieModule) -> None:
    for name, parameter in module.named_parameters():
        if "lora_B" in name or "conv_out" in name:
            torch.nn.init.normal_(parameter, std=0.05, generator=torch.Generator().manual_seed(len(name)))


def ask(mllm: Mllm) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    queries = torch.randn(1, 2, 3, mllm.width, generator=generator)
    source = torch.rand(1, 2, 3, 32, 32, generator=generator)
    hidden: torch.Tensor = mllm.eval()(source, ["remove the red circle"], queries, torch.arange(2)[None])
    return hidden


def test_adapters_sit_in_the_language_model_and_change_nothing_at_first() -> None:
    plain, lora = (Mllm(str(NANO_MLLM), num_slots=8, attention="eager", lora=with_) for with_ in (None, Lora(rank=4)))
    names = [name for name, _ in lora.named_parameters() if "lora_" in name]
    assert len(names) == 4 * 7 * 2  # layers, linear maps, A and B
    assert all("language_model" in name for name in names)
    with torch.no_grad():
        assert torch.equal(ask(plain), ask(lora))


def test_adapters_learn_while_the_mllm_is_frozen() -> None:
    module = adapted()
    Freeze(["vae", "mllm"]).setup(Trainer(logger=False), module, "fit")
    learning = {name for name, p in module.mllm.named_parameters() if p.requires_grad}
    assert learning == {name for name, _ in module.mllm.named_parameters() if "lora_" in name}
    randomise(module)
    module.per_sample_loss(make_batch(1, 2, pixels=16), "fit").sum().backward()
    grads = [p.grad for name, p in module.mllm.named_parameters() if "lora_A" in name]
    assert all(grad is not None and grad.abs().sum() > 0 for grad in grads)
    assert all(p.grad is None for name, p in module.mllm.named_parameters() if "lora_" not in name)


def test_stored_merged_and_read_without_peft(tmp_path: Path) -> None:
    module = adapted()
    randomise(module)
    save_model(module, tmp_path / "model")
    again = load_model(tmp_path / "model")
    assert not [name for name in again.state_dict() if "lora" in name or "base_layer" in name]
    assert any("lora_A" in name for name in module.state_dict())  # storing leaves the model as it was
    with torch.no_grad():
        torch.testing.assert_close(ask(again.mllm), ask(module.mllm), atol=1e-4, rtol=1e-4)
        plain = Mllm(str(NANO_MLLM), num_slots=8, attention="eager")
        assert not torch.allclose(ask(plain), ask(module.mllm), atol=1e-2)


def test_starts_from_a_folder_without_adapters(tmp_path: Path) -> None:
    image = tiny_module(video=False, seed=1)
    save_model(image, tmp_path / "stage1")
    module = adapted()
    InitFrom([str(tmp_path / "stage1")]).setup(Trainer(logger=False), module, "fit")
    own = module.mllm.model.state_dict()
    for key, value in image.mllm.model.state_dict().items():
        found = own[key] if key in own else own[key.replace("proj.", "proj.base_layer.")]
        assert torch.equal(found, value), key


def test_no_layer_of_that_name_is_an_error() -> None:
    with pytest.raises(ValueError, match="no_such_layer"):
        Mllm(str(NANO_MLLM), lora=Lora(targets=("no_such_layer",)))
