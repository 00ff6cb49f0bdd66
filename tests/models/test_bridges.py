"""The bridges that VEGGIE is compared with."""

import pytest
import torch
from support.parts import NANO_MLLM, make_batch, randomise_output, tiny_module

from veggie_pl.models import BlindMllm, DiscreteMllm, TaskQueries


def bridge(kind: type, video: bool = True):
    module = tiny_module(video)
    torch.manual_seed(0)
    module.mllm = kind(str(NANO_MLLM), pretrained=False, num_slots=8, attention="eager")
    randomise_output(module)
    return module


def test_words_carry_no_gradient_but_the_aligner_learns() -> None:
    module = bridge(DiscreteMllm)
    module.per_sample_loss(make_batch(2, 2), "fit").mean().backward()
    assert all(p.grad is None for p in [*module.mllm.parameters(), *module.queries.parameters()])
    assert module.aligner.linear.weight.grad.abs().sum() > 0


def test_words_are_embeddings_of_the_vocabulary() -> None:
    module = bridge(DiscreteMllm)
    batch = make_batch(2, 2)
    frame_index = torch.arange(2).expand(2, -1)
    words = module.mllm(batch.source, batch.instruction, module.queries(frame_index), frame_index)
    table = module.mllm.model.get_input_embeddings().weight
    assert all((table == word).all(1).any() for word in words.flatten(0, 2))


def test_blind_bridge_does_not_see_the_source() -> None:
    module = bridge(BlindMllm)
    batch = make_batch(1, 2)
    frame_index = torch.arange(2)[None]
    one, two = (
        module.mllm(source, batch.instruction, module.queries(frame_index), frame_index)
        for source in (batch.source, -batch.source)
    )
    assert torch.equal(one, two)
    other = module.mllm(batch.source, ["make it day"], module.queries(frame_index), frame_index)
    assert not torch.equal(other, one)


def test_one_group_per_clip_serves_all_frames() -> None:
    module = tiny_module(True)
    randomise_output(module)
    module.queries = TaskQueries(num_queries=2, max_frames=8, width=192, per_clip=True)
    batch = make_batch(2, 3)
    frame_index = torch.arange(3).expand(2, -1)
    hidden = module.mllm(batch.source, batch.instruction, module.queries(frame_index), frame_index)
    assert hidden.shape == (2, 1, 2, 192)
    module.per_sample_loss(batch, "fit").mean().backward()
    assert module.queries.group.grad.abs().sum() > 0
    assert module.eval().edit_batch(batch).shape == batch.source.shape


@pytest.mark.parametrize("kind", [DiscreteMllm, BlindMllm])
def test_model_folder_remembers_the_bridge(tmp_path, kind: type) -> None:
    from veggie_pl.model_folder import load_model, save_model

    module = bridge(kind).eval()
    save_model(module, tmp_path / "model")
    again = load_model(tmp_path / "model")
    assert type(again.mllm) is kind
    batch = make_batch(1, 2)
    assert torch.equal(again.edit_batch(batch), module.edit_batch(batch))
