"""The nano model reads capitals as small letters: it was taught few of them."""

from pathlib import Path

import pytest
import torch
from support.parts import NANO_MLLM

from benchmarks.ship import WEIGHTS
from veggie_pl.batch import Skill, collate
from veggie_pl.data.instructions.pointing import named_fill
from veggie_pl.data.instructions.skills import skill_of
from veggie_pl.data.instructions.templates import HELD_OUT_TEMPLATES, TEMPLATES
from veggie_pl.data.shapes import ShapesBenchmark
from veggie_pl.model_folder import load_model
from veggie_pl.models import Mllm
from veggie_pl.pretraining.architecture import write_nano_mllm

SLOTS = {
    "phrase": "large yellow circle",
    "place": "on the left",
    "new": "purple triangle",
    "style": "sepia",
    "fill": "cyan",
    "question": "What moves fastest?",
}
SENTENCES = [
    template.format(**SLOTS)
    for by_skill in (TEMPLATES, HELD_OUT_TEMPLATES)
    for templates in by_skill.values()
    for template in templates
]


def read(folder: Path) -> Mllm:
    return Mllm(str(folder), pretrained=False, num_slots=8, attention="eager")


@pytest.fixture(scope="module", params=["shipped", "in the model folder", "made anew"])
def mllm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Mllm:
    if request.param == "shipped":
        return read(NANO_MLLM)
    if request.param == "in the model folder":
        return read(WEIGHTS / "model/mllm")
    folder = tmp_path_factory.mktemp("nano")
    write_nano_mllm(folder, SENTENCES, vocab_size=400)
    return read(folder)


def test_letter_case_changes_no_token(mllm: Mllm) -> None:
    for said in [*SENTENCES, "HIGHLIGHT THE GREEN CIRCLE WITH RED MASKS.", "FÄRBE DAS MÄDCHEN ROT", "ЗАКРАСЬ КРУГ"]:
        expected = mllm.prompt.text_ids(said.lower())
        for other in (said, said.upper(), said.title(), said.swapcase()):
            assert mllm.prompt.text_ids(other) == expected, other


def test_small_letters_are_the_tokens_they_were(mllm: Mllm) -> None:
    was = mllm.tokenizer.backend_tokenizer
    folded = [was.encode(said.lower()).ids for said in SENTENCES]
    was = type(was).from_str(was.to_str())
    was.normalizer = None
    assert folded == [was.encode(said.lower()).ids for said in SENTENCES]


def test_letters_that_change_their_number_with_their_case_are_read(mllm: Mllm) -> None:
    ids = mllm.prompt.text_ids
    assert ids("STRASSE") == ids("strasse") != ids("straße")
    assert ids("STRAẞE") == ids("straße")
    assert ids("ıŞıK") == ids("ışık") != ids("işik")  # a dotless i is a letter of its own
    assert ids("İ") == ids("i\N{COMBINING DOT ABOVE}")


def test_special_tokens_keep_their_case(mllm: Mllm) -> None:
    tokenizer = mllm.tokenizer
    special = set(tokenizer.all_special_ids) | {mllm.prompt.vision_token_id}
    for token in (str(token) for token in tokenizer.added_tokens_decoder.values()):
        assert tokenizer(token, add_special_tokens=False).input_ids == [tokenizer.convert_tokens_to_ids(token)]
        for written in (token.upper(), token.title()):  # words like any other: nothing a user writes is a frame
            assert not special & set(tokenizer(f"remove {written}", add_special_tokens=False).input_ids)
        with pytest.raises(ValueError, match="meaning of its own"):
            mllm.prompt.text_ids(f"remove {token}")


def test_letter_case_changes_no_rule() -> None:
    for said in SENTENCES:
        for other in (said.lower(), said.upper(), said.title()):
            assert skill_of(other) == skill_of(said), other
            assert named_fill(other) == named_fill(said), other
    assert named_fill("HIGHLIGHT THE GREEN CIRCLE WITH RED MASKS.") == "red"


def test_letter_case_changes_no_edit() -> None:
    module = load_model(WEIGHTS / "model")
    module.num_steps = 1
    stream = ShapesBenchmark("test", num_frames=1, skills=[Skill.GROUNDING.value]).streams()[Skill.GROUNDING.value]
    batch = collate([(0, stream[0])])
    said = ["HIGHLIGHT THE GREEN CIRCLE WITH RED MASKS.", "highlight the green circle with red masks."]
    edited = []
    for text in [*said, "highlight the green circle with blue masks."]:
        batch.examples = [batch.examples[0]._replace(instruction=text)]
        edited.append(module.edit_batch(batch))
    loud, quiet, other = edited
    assert torch.equal(loud, quiet)
    assert not torch.equal(loud, other)
