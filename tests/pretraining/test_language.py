from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Literal

import pytest
import torch
from lightning import Trainer
from support.parts import NANO_MLLM
from transformers import AutoTokenizer

from veggie_pl.data.instructions.grammar import Grammar
from veggie_pl.data.shapes import ShapesRecords
from veggie_pl.data.shapes.language import NOTHING, SLOTS
from veggie_pl.models import Mllm
from veggie_pl.pretraining.architecture import write_nano_mllm
from veggie_pl.pretraining.corpus import sentences
from veggie_pl.pretraining.language import IGNORED, LanguageModule
from veggie_pl.pretraining.lessons import Captions, Forms, LessonData, Lessons, Requests, Talk, collate_lessons


@pytest.fixture(scope="module")
def module() -> LanguageModule:
    torch.manual_seed(0)
    mllm = Mllm(str(NANO_MLLM), pretrained=False, num_slots=8, attention="eager")
    return LanguageModule(mllm, lambda parameters: torch.optim.AdamW(parameters, 3e-3))


def talk(count: int = 6) -> Talk:
    captions = Captions(ShapesRecords("train", num_frames=1))
    batch = collate_lessons([captions[i] for i in range(count)])
    assert isinstance(batch, Talk)
    return batch


def forms(count: int = 6, num_frames: int = 1, split: Literal["train", "val", "test"] = "train") -> Forms:
    requests = Requests(ShapesRecords(split, num_frames=num_frames))
    batch = collate_lessons([requests[i] for i in range(count)])
    assert isinstance(batch, Forms)
    return batch


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


def test_labels_of_forms_are_their_words_frame_by_frame(module: LanguageModule) -> None:
    batch = forms(num_frames=3)
    _, labels = module.fill_forms(batch)
    assert labels.shape == (6, 3, len(SLOTS))
    for row, said in zip(labels, batch.form, strict=True):
        for frame, form in zip(row, said, strict=True):
            assert frame.tolist() == [module.slot_ids[form[slot]] for slot in module.order(batch)]


def test_words_of_a_slot_can_be_told_apart(module: LanguageModule) -> None:
    words: dict[str, set[str]] = {slot: set() for slot in SLOTS}
    for form in (frame for said in forms(400, num_frames=2).form for frame in said):
        for slot, word in form.items():
            words[slot].add(word)
    for slot, choices in words.items():
        assert len({module.slot_ids[word] for word in choices}) == len(choices) > 1, slot


def test_a_slot_is_known_by_its_name_not_by_its_place(module: LanguageModule) -> None:
    orders = {tuple(module.order(replace(forms(1), index=torch.tensor([i])))) for i in range(20)}
    assert len(orders) == 20
    assert len({order[0] for order in orders}) > 5


def test_requests_are_in_the_words_of_their_records() -> None:
    grammar = Grammar(share=0.5)
    plain, other = (ShapesRecords("train", num_frames=1, size=16, grammar=words) for words in (None, grammar))
    same = [Requests(plain)[i][2] == Requests(other)[i][2] for i in range(300)]
    assert abs(sum(same) / 300 - 0.5) < 0.08
    assert all(Requests(plain)[i][3] == Requests(other)[i][3] for i in range(20))


def test_of_four_batches_one_is_of_captions_and_one_of_clips() -> None:
    images, clips = (ShapesRecords("train", num_frames=f, size=16) for f in (1, 2))
    lessons = Lessons(images, clips, group=4)
    kinds = [(isinstance(row[3], str), len(row[1])) for row in (lessons[i] for i in range(20))]
    assert kinds[::4] == [(True, 1), (False, 1), (False, 1), (False, 2), (True, 1)]
    assert all(kinds[i] == kinds[i // 4 * 4] for i in range(20))


@pytest.mark.parametrize("first", [0, 3])
def test_a_step_of_clips_has_fewer_examples_and_moves_no_others(first: int) -> None:
    images, clips = (ShapesRecords("train", num_frames=f, size=16) for f in (1, 2))
    data = LessonData(images, clips, {}, batch_size=4, num_clips=2, num_workers=0)
    data.trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    data.trainer.fit_loop.epoch_loop.automatic_optimization.optim_progress.optimizer.step.total.completed = first
    steps = list(islice(data.train_dataloader(), 5))
    for step, batch in enumerate(steps, start=first):
        is_clips = step % 4 == 3
        assert batch.source.shape[1] == (2 if is_clips else 1)
        assert batch.index.tolist() == list(range(4 * step, 4 * step + (2 if is_clips else 4)))


def test_no_clips_at_all_is_an_error() -> None:
    records = ShapesRecords("train", num_frames=1, size=16)
    with pytest.raises(ValueError, match="num_clips must be at least 1, got 0"):
        LessonData(records, records, {}, num_clips=0)


@pytest.mark.parametrize("batch", [talk(), forms(), forms(num_frames=2)], ids=["captions", "forms", "clips"])
def test_a_few_steps_lower_the_loss(module: LanguageModule, batch: Talk | Forms) -> None:
    module.train()
    optimizer = module.make_optimizer(module.parameters())
    losses = []
    for _ in range(20):
        logits, labels = module.predict(batch)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, -2), labels.flatten(), ignore_index=IGNORED)
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
    module.eval()
    with torch.no_grad():
        logits, labels = module.fill_forms(forms(100, split="test"))
    asked = labels != module.slot_ids[NOTHING]
    assert ((logits.argmax(-1) == labels) & asked).sum() / asked.sum() > 0.8  # places are what it misses
