"""LoRA in the MLLM: nothing at first, learns alone, and is merged when stored."""

from pathlib import Path

import pytest
import torch
from lightning import Trainer
from peft import PeftModel
from safetensors.torch import load_file, save_file
from support.parts import NANO_MLLM, make_batch, tiny_module
from transformers import AutoModelForImageTextToText

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


def test_separate_adapters_are_a_peft_folder_of_the_same_model(tmp_path: Path) -> None:
    module = adapted()
    randomise(module)
    save_model(module, tmp_path / "model", adapters="separate")
    assert not (tmp_path / "model/mllm").exists()
    again = load_model(tmp_path / "model")
    with torch.no_grad():
        assert torch.equal(ask(again.mllm), ask(module.mllm))
    base = AutoModelForImageTextToText.from_pretrained(NANO_MLLM, attn_implementation="eager", dtype=torch.float32)
    by_peft = PeftModel.from_pretrained(base, tmp_path / "model/adapters")
    ids = torch.arange(5, 25)[None]
    with torch.no_grad():
        expected = module.mllm.model(input_ids=ids).logits
        torch.testing.assert_close(by_peft(input_ids=ids).logits, expected, atol=1e-6, rtol=1e-6)
        untouched = AutoModelForImageTextToText.from_pretrained(
            NANO_MLLM, attn_implementation="eager", dtype=torch.float32
        )
        assert not torch.allclose(untouched(input_ids=ids).logits, expected, atol=1e-3)


def test_stored_adapters_learn_on(tmp_path: Path) -> None:
    module = adapted()
    randomise(module)
    save_model(module, tmp_path / "model", adapters="separate")
    again = Mllm(str(NANO_MLLM), num_slots=8, attention="eager", adapters=str(tmp_path / "model/adapters"))
    assert all(p.requires_grad for name, p in again.named_parameters() if "lora_" in name)
    save_model(load_model(tmp_path / "model"), tmp_path / "merged")
    with torch.no_grad():
        torch.testing.assert_close(ask(load_model(tmp_path / "merged").mllm), ask(again), atol=1e-4, rtol=1e-4)


def test_adapters_that_do_not_fit_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no adapters that could be stored"):
        save_model(tiny_module(), tmp_path / "model", adapters="separate")
    with pytest.raises(ValueError, match=r"no adapters at .*adapter_model\.safetensors"):
        Mllm(str(NANO_MLLM), adapters=str(tmp_path))
    adapted().mllm.save_adapters(str(tmp_path / "adapters"))
    with pytest.raises(ValueError, match="give one of the two"):
        Mllm(str(NANO_MLLM), lora=Lora(), adapters=str(tmp_path / "adapters"))
    weights = tmp_path / "adapters/adapter_model.safetensors"
    state = load_file(weights)
    save_file({name: value for name, value in list(state.items())[1:]}, weights)
    with pytest.raises(ValueError, match="of another model: 1 layers differ"):
        Mllm(str(NANO_MLLM), adapters=str(tmp_path / "adapters"))
    save_file({name: torch.cat([value, value]) for name, value in state.items()}, weights)
    with pytest.raises(ValueError, match=r"of another model: .* has"):
        Mllm(str(NANO_MLLM), adapters=str(tmp_path / "adapters"))


def test_adapters_go_with_the_base_they_were_trained_on(tmp_path: Path) -> None:
    module = adapted()
    with torch.no_grad():
        next(p for name, p in module.mllm.named_parameters() if "base_layer" in name).add_(1)
    with pytest.raises(ValueError, match="holds another MLLM"):
        save_model(module, tmp_path / "model", adapters="separate")
