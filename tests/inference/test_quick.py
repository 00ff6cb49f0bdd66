"""Faster edits: what stays equal, what is near, and what is refused."""

from typing import Any

import pytest
import torch
from support.parts import make_batch, randomise_output, tiny_module
from torch import Tensor

from veggie_pl.diffusion.guidance import Guidance
from veggie_pl.inference import quick
from veggie_pl.inference.quick import Quick, quicken
from veggie_pl.module import VeggieModule


def tiny(**options: Any) -> VeggieModule:
    module = tiny_module(drop_both=0.05, **options).eval()
    randomise_output(module)
    return module


def edited(module: Any, steps: int = 4) -> Tensor:
    batch = make_batch(1, 2)
    clips: Tensor = module.edit(batch.source, batch.instruction, Guidance(2.0, 1.5), [("edit", 0)], num_steps=steps)
    return clips


def test_nothing_asked_changes_nothing() -> None:
    assert torch.equal(edited(quicken(tiny(), Quick())), edited(tiny()))


@pytest.mark.parametrize("video", [False, True])
def test_half_is_near_and_computes_in_sixteen_bits(video: bool) -> None:
    module = quicken(tiny(video=video), Quick(half=True))
    seen: set[torch.dtype] = set()
    module.viddm.unet.conv_in.register_forward_hook(lambda part, given, out: seen.add(out.dtype))
    found = edited(module)
    assert seen == {torch.bfloat16}
    assert found.dtype == torch.float32
    assert 0 < float((found - edited(tiny(video=video))).abs().mean()) < 0.02


def test_compiled_is_equal_up_to_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    torch._dynamo.reset()
    compiled: list[Any] = []

    def with_eager(part: Any) -> None:
        compiled.extend(compile_regions(part, backend="eager"))

    compile_regions = quick.compile_regions
    monkeypatch.setattr(quick, "compile_regions", with_eager)
    torch.testing.assert_close(edited(quicken(tiny(), Quick(compiled=True))), edited(tiny()))
    assert compiled


def test_a_solver_steps_in_place_of_the_models_own() -> None:
    module = quicken(tiny(), Quick(solver="UniPCMultistepScheduler"))
    assert type(module.objective.scheduler).__name__ == "UniPCMultistepScheduler"
    assert not torch.equal(edited(module), edited(tiny()))


def test_what_cannot_be_is_an_error() -> None:
    with pytest.raises(ValueError, match="no solver 'Magic'"):
        quicken(tiny(), Quick(solver="Magic"))
    with pytest.raises(ValueError, match="layers from 1 to"):
        quicken(tiny(), Quick(reuse=0))
    module = tiny()
    module.viddm = torch.nn.Identity()
    with pytest.raises(ValueError, match="a Identity reuses nothing between steps"):
        quicken(module, Quick(reuse=2))
