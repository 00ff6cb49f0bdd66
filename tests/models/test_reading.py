"""Edits in threads of one process do not disturb each other."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import torch
from support.parts import randomise_output, tiny_module

from veggie_pl.models.reading import checkpointing

REQUESTS = ["remove the red circle", "make it night", "highlight the blue star with red masks", "add a green square"]
ROUNDS = 5


def test_edits_in_threads_are_those_made_one_after_another() -> None:
    module = tiny_module(num_steps=2).eval()
    randomise_output(module)
    clips = torch.rand(len(REQUESTS), 1, 2, 3, 16, 16) * 2 - 1

    def edit(number: int) -> torch.Tensor:
        guidance = module.guidance["removal"]
        return module.edit(clips[number], [REQUESTS[number]], guidance, [("edit", number)])

    alone = [edit(number) for number in range(len(REQUESTS))]
    start = Barrier(len(REQUESTS))

    def often(number: int) -> list[torch.Tensor]:
        start.wait()
        return [edit(number) for _ in range(ROUNDS)]

    with ThreadPoolExecutor(len(REQUESTS)) as pool:
        for number, edits in enumerate(pool.map(often, range(len(REQUESTS)))):
            assert all(torch.equal(one, alone[number]) for one in edits), REQUESTS[number]


def test_reading_leaves_the_models_flags_and_hooks_as_they_were() -> None:
    module = tiny_module().eval()
    clip = torch.zeros(1, 1, 3, 16, 16)
    for _ in range(3):
        module.edit(clip, ["remove it"], module.guidance["removal"], [("edit", 0)], 1)
    assert len(module.mllm.model.get_input_embeddings()._forward_hooks) == 1
    layers = [part for part in module.mllm.model.modules() if hasattr(part, "gradient_checkpointing")]
    before = [(part.training, part.gradient_checkpointing) for part in layers]
    with checkpointing(module.mllm.model, True):
        assert any(part.gradient_checkpointing for part in layers)
    assert [(part.training, part.gradient_checkpointing) for part in layers] == before


def test_queries_of_one_call_are_not_those_of_the_next() -> None:
    module = tiny_module().eval()
    clip, place = torch.zeros(1, 1, 3, 16, 16), torch.zeros(1, 1, dtype=torch.long)
    with torch.no_grad():
        one = module.mllm(clip, ["remove it"], module.queries(place), place)
        other = module.mllm(clip, ["remove it"], module.queries(place) + 1, place)
        again = module.mllm(clip, ["remove it"], module.queries(place), place)
    assert torch.equal(one, again)
    assert not torch.allclose(one, other)
