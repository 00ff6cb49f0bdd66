from pathlib import Path

import numpy as np
import pytest
import torch
from parts import NANO_MLLM
from transformers import AutoTokenizer

from veggie_pl.data.shapes import ShapesRecords
from veggie_pl.data.wordings import HELD_OUT_WORDINGS, with_articles
from veggie_pl.models import Mllm
from veggie_pl.pretraining.architecture import write_nano_mllm
from veggie_pl.pretraining.corpus import sentences
from veggie_pl.pretraining.language import IGNORED, LanguageModule, Talks, collate_talks
from veggie_pl.pretraining.paraphrases import paraphrase


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


def test_a_third_of_the_talks_are_captions_and_a_third_in_other_words() -> None:
    records = ShapesRecords("train", num_frames=1, size=16)
    talks = [Talks(records)[i] for i in range(600)]
    captions = [question == "Describe the video." for _, _, question, _ in talks]
    assert abs(sum(captions) / 600 - 1 / 3) < 0.06
    plain = sum(question == records.draw(i)[2] for i, _, question, _ in talks)
    assert abs(plain / 600 - 1 / 3) < 0.06


def test_one_batch_in_four_is_of_clips() -> None:
    images, clips = (ShapesRecords("train", num_frames=f, size=16) for f in (1, 2))
    talks = Talks(images, clips, group=4)
    assert [talks[i][1].shape[0] for i in range(20)] == [1] * 12 + [2] * 4 + [1] * 4


def test_paraphrases_say_what_is_asked_and_none_is_held_out() -> None:
    rng = np.random.default_rng(0)
    slots = {"phrase": "PHRASE", "place": "PLACE", "new": "NEW", "style": "STYLE", "question": "Q?", "fill": "FILL"}
    for skill, held_out in HELD_OUT_WORDINGS.items():
        forbidden = {with_articles(template.format(**slots)) for template in held_out}
        needed = {name for template in held_out[:1] for name in slots if "{" + name + "}" in template}
        given = {name: slots[name] for name in needed}
        seen = {paraphrase(skill, rng, given) for _ in range(400)}
        assert len(seen) > 100
        assert not seen & forbidden
        assert all(slots[name] in sentence for sentence in seen for name in needed)


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
