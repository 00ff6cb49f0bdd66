"""Within a loss nothing waits for the device: counted on a CPU, by what reads the values of tensors."""

from pathlib import Path

import pytest
import torch
from support.cached import cached_module
from support.families import FAMILIES
from support.parts import NANO_MLLM, make_batch, randomise_output, tiny_module
from support.waits import NamedFailures, counted_waits

from veggie_pl.batch import ClipNames
from veggie_pl.host import Later, draw_normal, send
from veggie_pl.models import Mllm
from veggie_pl.models.cache import caches_of
from veggie_pl.models.lora import Lora
from veggie_pl.seeding import torch_rng


def test_what_reads_a_tensor_is_counted() -> None:
    tensor, known = torch.arange(3), torch.arange(3)
    with counted_waits(known) as found:
        tensor.tolist()
        known.tolist()
        bool(tensor.sum() > 0)
        tensor[tensor > 1]
        tensor + known
    assert [one.split(" at ")[0] for one in found] == ["tolist", "_local_scalar_dense", "index"]
    assert "test_host.py" in found[0]


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("learns", ["queries", "adapters"])  # stage 1, stage 2
def test_a_training_step_waits_for_nothing(attention: str, learns: str) -> None:
    module = tiny_module(video=learns == "adapters")
    adapters = Lora(rank=2) if learns == "adapters" else None
    module.mllm = Mllm(str(NANO_MLLM), pretrained=False, num_slots=8, attention=attention, lora=adapters)
    randomise_output(module)
    for name, parameter in module.mllm.named_parameters():
        parameter.requires_grad_("lora_" in name)
    batch = make_batch(3, 2)
    module.log = lambda *args, **options: None
    with counted_waits(batch.index) as found:
        module.training_step(batch, 0)["loss"].backward()
    assert found == []


@pytest.mark.parametrize("texts", [["make it night"] * 2, ["make it night", "remove the red circle"]])
@pytest.mark.parametrize("frozen_prefix", [True, False])
@pytest.mark.parametrize("family", ["llava_onevision", "internvl"])
def test_an_mllm_waits_for_nothing(family: str, frozen_prefix: bool, texts: list[str], tmp_path: Path) -> None:
    mllm = Mllm(FAMILIES[family](tmp_path), frozen_prefix=frozen_prefix).requires_grad_(False)
    queries = torch.randn(2, 3, 4, mllm.width, requires_grad=True)
    places = torch.arange(3).expand(2, -1)
    with counted_waits() as found:
        mllm(torch.zeros(2, 3, 3, 32, 32), texts, queries, places).sum().backward()
    assert found == []


def test_a_step_whose_caches_are_warm_waits_for_nothing_and_looks_at_no_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, batch = cached_module(tmp_path, tmp_path / "kept"), make_batch(3, 2)
    batch.names = [ClipNames(f"s{row}", f"t{row}") for row in range(3)]
    module.mllm.requires_grad_(False)
    module.log = lambda *args, **options: None
    for cache in caches_of(module).values():
        cache.prepare()
    waits = []
    for _ in range(2):  # cold, where entries are written as soon as the device has made them, and warm
        with counted_waits(batch.index) as found:
            module.training_step(batch, 0)["loss"].backward()
        waits.append(found)
        for hashing in ("veggie_pl.models.cache.digest_of", "veggie_pl.tensor_digest.bytes_of"):
            monkeypatch.setattr(hashing, lambda *_: pytest.fail("hashes tensors in a step"))
    assert waits == [[], []]
    assert module.vae.cache.counts == {"made": 6, "found": 6}


def test_a_batch_keeps_its_index_on_the_host() -> None:
    module, batch = tiny_module(), make_batch(2, 1)
    moved = module.transfer_batch_to_device(batch, torch.device("meta"), 0)
    assert {moved.source.device.type, moved.target.device.type, moved.mask.device.type} == {"meta"}
    assert moved.index is batch.index


def test_later_gives_what_was_then() -> None:
    assert Later(torch.tensor(2.5)).read().item() == 2.5
    assert torch.equal(send(torch.arange(3), "cpu"), torch.arange(3))


@pytest.mark.parametrize("shape", [(3, 2, 4, 5, 5), (3, 3), (1, 40)])
def test_each_sample_draws_what_it_would_draw_alone(shape: tuple[int, ...]) -> None:
    def chance() -> list[torch.Generator]:
        return [torch_rng("sample", row) for row in range(shape[0])]

    drawn = draw_normal(shape, chance(), "cpu")
    alone = [torch.randn(1, *shape[1:], generator=generator) for generator in chance()]
    assert torch.equal(drawn, torch.cat(alone))  # to the bit, as torch draws
    if len(drawn) > 1:
        assert torch.equal(draw_normal((1, *shape[1:]), chance()[1:2], "cpu")[0], drawn[1])
        assert not torch.equal(drawn[0], drawn[1])


@pytest.mark.gpu
def test_a_gpu_gets_the_noise_of_a_cpu_and_waits_for_none() -> None:
    shape, device = (4, 2, 3, 8, 8), torch.device("cuda")
    expected = draw_normal(shape, [torch_rng("sample", row) for row in range(4)], "cpu")
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        found = draw_normal(shape, [torch_rng("sample", row) for row in range(4)], device)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert torch.equal(found.cpu(), expected)
    module, batch = tiny_module(), make_batch(3, 2)
    here = module.draw(batch, "fit")
    module.cuda()
    there = module.draw(module.transfer_batch_to_device(batch, device, 0), "fit")
    for name, one in vars(here.draws).items():
        if one is not None:
            torch.testing.assert_close(getattr(there.draws, name).cpu(), one)


@pytest.mark.gpu
def test_a_training_step_on_a_gpu_does_not_synchronise() -> None:
    module = tiny_module(video=True).to("cuda")
    randomise_output(module)
    module.mllm.requires_grad_(False)
    module.log = lambda *args, **options: None
    batch = module.transfer_batch_to_device(make_batch(3, 2).pin_memory(), module.device, 0)
    module.training_step(batch, 0)["loss"].backward()
    torch.cuda.set_sync_debug_mode("error")
    try:
        module.training_step(batch, 0)["loss"].backward()
    except RuntimeError:
        with NamedFailures():  # by itself it says neither what waits nor where
            module.training_step(batch, 0)["loss"].backward()
        raise
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_an_operation_that_fails_in_a_backward_pass_is_named() -> None:
    one = torch.ones(2, 3, requires_grad=True)
    bad = (one @ torch.ones(3, 2)).sum()
    with (
        pytest.raises(RuntimeError, match=r"aten\.mm\.default of \(2, 2\).*no good"),
        NamedFailures("aten.mm.default"),
    ):
        bad.backward()
    with NamedFailures():
        (one @ torch.ones(3, 2)).sum().backward()
