"""What a model would refuse is told where data are judged, and in training leaves a missing sample."""

from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import Callback
from support.examples import changed
from support.layouts.own import picture, png
from support.parts import fit, make_batch, make_data, tiny_module

from veggie_pl.batch import Example, MissingSample, Skill, is_blank
from veggie_pl.callbacks import ErrorBudget
from veggie_pl.check.examine import examine
from veggie_pl.data.benchmark import ListedBenchmark
from veggie_pl.data.instructions.faults import words_fault
from veggie_pl.data.mixture import Mixture, Weighted
from veggie_pl.data.records import Record
from veggie_pl.data.shapes import ShapesRecords
from veggie_pl.data.streams import EditingStream
from veggie_pl.data.table.schema import Row, Skipped
from veggie_pl.masks.rle import encode
from veggie_pl.prepare.card import Card
from veggie_pl.prepare.examples import examples
from veggie_pl.video.media import Media

BLANK = [
    "",
    "   ",
    "\n\t",
    "\u200b\u200d",
    "\ufeff",
    "\x00\x07",
    "\u00a0\u3000",
    "\u2060\u180e",
    "\u3164",
    "\u2800",
    "\u00ad",
]
SPECIAL = [
    "<image>",
    "<|im_start|>",
    "<|image_pad|>",
    "</s>",
    "<|image_1|>",
    "<start_of_turn>",
    "[INST]",
    "<IMG_CONTEXT>",
]
GOOD = ["make it blue", "把方块变成蓝色", "удали круг", "🎨", "a < b > c", "<3", "write [ok] on it", "if x<image", "é"]
LONG = "make the sky blue and " * 400


def row(instruction: str | None, phrase: str = "") -> Row:
    return Row(Example("a", Skill.CHANGING, instruction, phrase), (Media("0.png"),), (Media("1.png"),))


def test_blank_is_what_cannot_be_seen() -> None:
    assert all(map(is_blank, BLANK))
    assert not any(map(is_blank, GOOD))


@pytest.mark.parametrize("said", BLANK)
def test_blank_words_are_a_fault(said: str) -> None:
    assert words_fault(row(said).example) == "its instruction is blank"
    assert words_fault(row(None, said).example) == "its phrase is blank"
    assert words_fault(row(said, "red circle").example) == "its instruction is blank"  # which no phrase makes up for


@pytest.mark.parametrize("token", SPECIAL)
def test_special_tokens_are_a_fault(token: str) -> None:
    for fault in (words_fault(row(f"remove the {token} now").example), words_fault(row(None, f"{token}").example)):
        assert fault is not None
        assert repr(token) in fault
        assert "\n" not in fault


@pytest.mark.parametrize("said", GOOD)
def test_usual_words_are_none(said: str) -> None:
    assert words_fault(row(said).example) is None


@pytest.mark.parametrize("said", [*BLANK[1:], *(f"the {token}" for token in SPECIAL)])
def test_prepare_and_check_leave_them_out(said: str, tmp_path: Path) -> None:
    for number in range(2):
        (tmp_path / f"{number}.png").write_bytes(png(picture(number)))

    class One:
        def rows(self, *_: object) -> object:
            return iter([one])

    one = row(said)
    mask = encode(np.eye(20, 30, dtype=bool))
    for one in (row(said), Row(Example("b", Skill.GROUNDING, phrase=said), (Media("0.png"),), mask=(mask,))):
        task = "editing" if one.target else "grounding"
        card = Card(name="x", title="X", task=task, media="images", licence="o", url="o", splits={"train": None})
        card = card.model_copy(update={"layout": One()})
        (found,) = examples(card, tmp_path, "train", None)
        assert isinstance(found, Skipped)
        assert "blank" in found.reason or "meaning of its own" in found.reason
        assert examine(one, tmp_path).reason in found.reason
    assert not examine(row("make it blue"), tmp_path).reason


class Worded:
    """Records of which some say what nobody can be asked."""

    def __init__(self, words: dict[int, str]) -> None:
        self.records, self.words = ShapesRecords("train", num_frames=1, size=16, skills={"removal": 1.0}), words
        self.bucket = self.records.bucket

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Record:
        return changed(self.records[index], instruction=self.words.get(index, "remove the red circle"))


class Losses(Callback):
    """Steps with the number of samples that counted."""

    def __init__(self) -> None:
        self.good: list[int] = []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        assert torch.isfinite(outputs["loss"])
        self.good.append(len(batch.good))


@pytest.mark.parametrize("said", ["\u200b", "remove the <image> now", LONG], ids=["blank", "special", "long"])
def test_training_goes_on_around_what_the_model_refuses(said: str, tmp_path: Path) -> None:
    data = make_data(batch_size=4, num_val=4)
    data.mixture = Mixture({"editing": Weighted(EditingStream(Worded({1: said})))})
    data.val = ListedBenchmark({"taking": EditingStream(Worded({2: said}))})
    losses, budget = Losses(), ErrorBudget()
    options = {"callbacks": [losses, budget], "default_root_dir": tmp_path, "val_check_interval": 2}
    module = tiny_module(num_steps=1)
    if "<image>" in said:
        module.mllm.prompt.special_tokens = [*module.mllm.prompt.special_tokens, "<image>"]
    trainer = fit(module, data, 2, **options)
    assert trainer.global_step == 2
    assert losses.good == [3, 3]  # each batch is one epoch of four
    assert budget.bad == {"editing": 2}
    ledger = (tmp_path / "ledger.jsonl").read_text()
    assert "val/taking" in ledger
    assert "the instruction" in ledger


def test_batch_without_some_samples_is_as_if_they_had_never_been_read() -> None:
    batch, missing = make_batch(3, 2), MissingSample("a", 7, "noise/1", "why", "2x16x16")
    found = batch.without({1: missing})
    assert found.missing == [None, missing, None]
    assert (found.instruction[1], found.fill[1], found.skill[1]) == ("missing", "red", batch.skill[0])
    assert not found.source[1].any()
    assert torch.equal(found.source[2], batch.source[2])
    assert batch.source[1].any()  # the batch itself stays as it is
    assert found.without({0: missing, 2: missing}).good == []
