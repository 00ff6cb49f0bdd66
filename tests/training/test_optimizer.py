import pytest
import torch
from support.parts import tiny_module

from veggie_pl.training.optimizer import fuse, scaled_optimizer


def test_each_part_learns_at_its_own_rate() -> None:
    module = tiny_module()
    module.mllm.requires_grad_(False)
    optimizer = scaled_optimizer(module, lambda p: torch.optim.AdamW(p, 1e-3), {"queries": 0.1, "mllm": 0.5})
    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    named = dict(module.named_parameters())
    assert {id(p) for p in named.values() if p.requires_grad} == rates.keys()  # frozen parts have no state
    for name, parameter in named.items():
        if parameter.requires_grad:
            assert rates[id(parameter)] == pytest.approx(1e-4 if name.startswith("queries.") else 1e-3), name


def test_a_schedule_keeps_the_ratio() -> None:
    module = tiny_module(
        optimizer=lambda p: torch.optim.AdamW(p, 1e-3), lr_factors={"aligner": 0.25}, lr_schedule="cosine"
    )
    module._trainer = type("Trainer", (), {"estimated_stepping_batches": 10, "precision": "32-true"})()  # type: ignore[assignment]
    made = module.configure_optimizers()
    rest, aligner = made["optimizer"].param_groups
    for _ in range(5):
        made["optimizer"].step()
        made["lr_scheduler"]["scheduler"].step()
    assert rest["lr"] == pytest.approx(5e-4)  # half way down the cosine
    assert aligner["lr"] == pytest.approx(rest["lr"] / 4)


def test_an_unknown_part_is_an_error_that_names_the_parts() -> None:
    with pytest.raises(ValueError, match=r"lr_factors names \['unet'\]; the parts are \['mllm', 'queries'"):
        scaled_optimizer(tiny_module(), lambda p: torch.optim.AdamW(p, 1e-3), {"unet": 0.1})


def test_adam_is_left_as_it_is_on_a_cpu() -> None:
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(2))])
    fuse(optimizer)
    assert optimizer.param_groups[0]["fused"] is None


@pytest.mark.gpu
def test_adam_on_a_gpu_is_fused_unless_told_otherwise() -> None:
    weight = torch.nn.Parameter(torch.zeros(2, device="cuda"))
    plain, told = torch.optim.AdamW([weight]), torch.optim.AdamW([weight], foreach=True)
    for optimizer in (plain, told):
        fuse(optimizer)
    weight.grad = torch.ones_like(weight)
    plain.step()
    assert plain.param_groups[0]["fused"]
    assert not told.param_groups[0]["fused"]
