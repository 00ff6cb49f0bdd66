from pathlib import Path

import pytest
import torch
from parts import NANO_MLLM
from transformers import AutoTokenizer

from veggie_pl.data.shapes import ShapesRecords
from veggie_pl.models import Mllm
from veggie_pl.pretraining.architecture import write_nano_mllm
from veggie_pl.pretraining.corpus import sentences
from veggie_pl.pretraining.language import IGNORED, LanguageModule, Talks, collate_talks


@pytest.fixture(scope="module")
def module() -> LanguageModule:
    torch.manual_seed(0)
    mllm = Mllm(str(NANO_MLLM), pretrained=False, num_slots=8, attention="eager")
    return LanguageModule(mllm, lambda parameters: torch.optim.AdamW(parameters, 3e-3))


def talk(count: int = 6, num_frames: int = 1):
    talks = Talks(ShapesRecords("train", num_frames=num_frames))
    return collate_talks([talks[i] for i in range(count)])


def test_labels_are_the_answers(module: LanguageModule) -> None:
    batch = talk()
    _, labels = module.predict_answers(batch)
    tokenizer = module.mllm.tokenizer
    for row, answer in zip(labels, batch.answer, strict=True):
        said = row[row != IGNORED].tolist()
        assert said[-1] == tokenizer.eos_token_id
        assert tokenizer.decode(said[:-1]).strip() == answer


def test_answer_token_is_predicted_from_those_before_only(module: LanguageModule) -> None:
    module.eval()
    batch = talk()
    words = batch.answer[0].split()
    changed = talk()
    changed.answer[0] = " ".join([*words[:-1], "green" if words[-1] != "green" else "blue"])
    with torch.no_grad():
        one, two = module.predict_answers(batch)[0], module.predict_answers(changed)[0]
    assert torch.allclose(one[0, :3], two[0, :3], atol=1e-5)


def test_every_third_talk_is_a_caption() -> None:
    batch = talk(9)
    assert [question == "Describe the video." for question in batch.question] == [i % 3 == 0 for i in range(9)]


@pytest.mark.parametrize("num_frames", [1, 2])
def test_a_few_steps_lower_the_loss(module: LanguageModule, num_frames: int) -> None:
    module.train()
    batch = talk(num_frames=num_frames)
    optimizer = module.make_optimizer(module.parameters())
    losses = []
    for _ in range(20):
        logits, labels = module.predict_answers(batch)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_nano_mllm_is_written_whole_and_speaks_the_world(tmp_path: Path) -> None:
    write_nano_mllm(tmp_path, sentences(80), vocab_size=600)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert len(tokenizer("remove the red circle", add_special_tokens=False).input_ids) <= 8
    mllm = Mllm(str(tmp_path), pretrained=False, num_slots=8, attention="eager")
    assert mllm.tokens_per_frame == 16


def test_shipped_mllm_reads_held_out_scenes() -> None:
    """Its weights cannot go stale unseen: architecture, tokenizer, world and weights belong together."""
    module = LanguageModule(Mllm(str(NANO_MLLM), num_slots=8, attention="eager"), torch.optim.AdamW).eval()
    talks = Talks(ShapesRecords("val", num_frames=1))
    batch = collate_talks([talks[i] for i in range(64)])
    with torch.no_grad():
        logits, labels = module.predict_answers(batch)
    counted = labels != IGNORED
    right = ((logits.argmax(-1) == labels) & counted).sum() / counted.sum()
    assert right > 0.93
