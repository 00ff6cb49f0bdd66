"""Muon against torch's own, and what is left to AdamW."""

from copy import deepcopy

import pytest
import torch
from support.parts import fit, make_data, tiny_module
from torch import Tensor, nn

from veggie_pl.errors import UseError
from veggie_pl.training.muon import Muon, is_matrix, orthogonal
from veggie_pl.training.optimizer import learning_rates, scaled_optimizer


def parameter(*shape: int, seed: int = 0) -> nn.Parameter:
    return nn.Parameter(torch.randn(shape, generator=torch.Generator().manual_seed(seed)))


def gradient(p: Tensor, step: int) -> Tensor:
    return torch.randn(p.shape, generator=torch.Generator().manual_seed(100 + step))


@pytest.mark.parametrize("shape", [(1, 8, 24), (1, 24, 8), (3, 16, 16)])
def test_singular_values_come_near_one_and_directions_stay(shape: tuple[int, ...]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = orthogonal(matrix)
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    inside = left.mT @ found @ right.mT  # diagonal where the directions are the matrix's own
    values = inside.diagonal(dim1=-2, dim2=-1)
    torch.testing.assert_close(inside, torch.diag_embed(values), rtol=0, atol=1e-9)
    assert 0.5 < float(values.min()) <= float(values.max()) < 1.3
    torch.testing.assert_close(orthogonal(1000 * matrix), found, rtol=1e-6, atol=1e-9)


def test_products_in_bfloat16_keep_the_directions_and_the_type() -> None:
    matrix = torch.randn(2, 64, 96, generator=torch.Generator().manual_seed(1))
    whole, short = orthogonal(matrix), orthogonal(matrix, dtype=torch.bfloat16)
    assert short.dtype == torch.float32
    assert 0 < float((short - whole).norm() / whole.norm()) < 0.02


@pytest.mark.parametrize(("precision", "products"), [("bf16-mixed", torch.bfloat16), ("32-true", torch.float32)])
def test_a_run_in_bfloat16_steps_in_it(precision: str, products: torch.dtype) -> None:
    module = tiny_module(optimizer=Muon)
    fit(module, make_data(), 1, precision=precision)
    optimizer = module.optimizers(use_pl_optimizer=False)
    assert isinstance(optimizer, Muon)
    assert optimizer.products == products


def test_matrices_step_as_torchs_muon_does_up_to_its_bfloat16() -> None:
    ours, theirs = parameter(64, 96), parameter(64, 96)
    mine = Muon([ours], lr=1e-2, weight_decay=0.1, factor=2.0)
    other = torch.optim.Muon([theirs], lr=2e-2, weight_decay=0.1, momentum=0.95, adjust_lr_fn="match_rms_adamw")
    before = ours.detach().clone()
    for step in range(3):
        for p, optimizer in ((ours, mine), (theirs, other)):
            p.grad = gradient(p, step)
            optimizer.step()
    moved, expected = ours.detach() - before, theirs.detach() - before
    assert float((moved - expected).norm() / expected.norm()) < 0.02


def test_the_rest_steps_as_adamw_bit_for_bit() -> None:
    shapes = ((7,), (14, 96), (64, 8, 2, 2))
    ours, theirs = [parameter(*shape) for shape in shapes], [parameter(*shape) for shape in shapes]
    mine, other = Muon(ours, lr=1e-2, weight_decay=0.1), torch.optim.AdamW(theirs, lr=1e-2, weight_decay=0.1)
    for step in range(3):
        for params, optimizer in ((ours, mine), (theirs, other)):
            for p in params:
                p.grad = gradient(p, step)
            optimizer.step()
    assert all(torch.equal(one, two) for one, two in zip(ours, theirs, strict=True))


def test_a_convolution_is_the_matrix_of_its_outputs_by_all_that_they_see() -> None:
    kernel, flat = parameter(64, 32, 3, 3), None
    flat = nn.Parameter(kernel.detach().flatten(1).clone())
    for p in (kernel, flat):
        optimizer = Muon([p], lr=1e-2)
        p.grad = gradient(kernel, 0).view(p.shape)
        optimizer.step()
    assert torch.equal(kernel.flatten(1), flat)
    assert [
        is_matrix(torch.empty(shape), 64) for shape in ((64, 64), (64, 32, 3, 3), (64, 1, 3, 3), (63, 96), (64,))
    ] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_resumed_in_the_middle_it_goes_on_as_if_it_had_not_stopped() -> None:
    straight = [parameter(64, 64), parameter(5), parameter(64, 64, seed=1)]
    stopped = deepcopy(straight)
    one, two = Muon(straight), Muon(stopped)
    for step in range(4):
        if step == 2:
            kept = deepcopy(two.state_dict())
            two = Muon(stopped)
            two.load_state_dict(kept)
        for params, optimizer in ((straight, one), (stopped, two)):
            for p in params:
                p.grad = gradient(p, step)
            optimizer.step()
    assert all(torch.equal(a, b) for a, b in zip(straight, stopped, strict=True))


def test_parts_keep_their_rates_and_embeddings_are_left_to_adamw() -> None:
    module = tiny_module()
    optimizer = scaled_optimizer(module, lambda p: Muon(p, lr=1e-3, factor=4.0), {"mllm": 0.5})
    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    named = dict(module.named_parameters())
    assert {id(p) for p in named.values() if p.requires_grad} == rates.keys()
    words = module.mllm.model.get_input_embeddings().weight
    assert is_matrix(words, 64)
    assert rates[id(words)] == pytest.approx(5e-4)
    inner = module.mllm.model.base_model.language_model.layers[0].mlp.up_proj.weight
    assert rates[id(inner)] == pytest.approx(2e-3)
    found = learning_rates(optimizer)
    assert found["mllm"] == pytest.approx(5e-4)
    assert found["mllm.matrices"] == pytest.approx(2e-3)
    assert found["aligner"] == pytest.approx(1e-3)


def test_numbers_out_of_range_are_one_error() -> None:
    for settings in ({"factor": 0.0}, {"momentum": 1.0}, {"least": 0}):
        with pytest.raises(UseError, match="Muon takes factor > 0"):
            Muon([parameter(2)], **settings)  # type: ignore[arg-type]
