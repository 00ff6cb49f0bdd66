"""What a model says does not touch the chance of others."""

from pathlib import Path

import torch
from support.judges import saying

from veggie_pl.experts.judge.generate import generate
from veggie_pl.models.mllm import Mllm


def test_reply_leaves_the_global_generator_alone(tmp_path: Path) -> None:
    mllm = Mllm(saying(tmp_path, "qwen3_vl", ["yes, ", "no"])).eval()
    state = torch.get_rng_state()
    assert generate(mllm, torch.zeros(1, 3, 32, 32), "what?", 4, 0.5, 1).text
    assert torch.equal(torch.get_rng_state(), state)
    assert generate(mllm, torch.zeros(1, 3, 32, 32), "what?", 1, 0.0, 1).failure
