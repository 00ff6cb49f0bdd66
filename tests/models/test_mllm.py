"""The MLLM wrapper with real classes of transformers and random weights."""

from typing import Any

import pytest
import torch
from support.parts import NANO_MLLM

from veggie_pl.models import Mllm
from veggie_pl.models import prompt as prompt_of


@pytest.fixture(scope="module")
def nano() -> Mllm:
    torch.manual_seed(0)
    return Mllm(str(NANO_MLLM), pretrained=False, num_slots=8, attention="eager").eval()


def ask(mllm: Mllm, source: torch.Tensor, text: list[str], queries: torch.Tensor | None = None, first: int = 0):
    batch, frames = source.shape[:2]
    if queries is None:
        queries = torch.randn(batch, frames, 2, mllm.width, generator=torch.Generator().manual_seed(1))
    frame_index = torch.arange(first, first + frames).expand(batch, -1)
    return mllm(source, text, queries, frame_index)


def clips(batch: int, frames: int, size: int = 32) -> torch.Tensor:
    return torch.rand(batch, frames, 3, size, size, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_everything_that_should_matter_does(nano: Mllm) -> None:
    source, text = clips(1, 2), ["remove the red circle"]
    base = ask(nano, source, text)
    assert not torch.allclose(ask(nano, source, ["remove the blue circle"]), base)
    assert not torch.allclose(ask(nano, -source, text), base)
    assert not torch.allclose(ask(nano, source, text, first=3), base)
    assert not torch.allclose(ask(nano, source.flip(1), text), base)
    assert torch.equal(ask(nano, source, text), base)


def test_padding_changes_nothing(nano: Mllm) -> None:
    source = clips(2, 2)
    both = ask(nano, source, ["remove it", "please remove the large red circle on the left of the star"])
    queries = torch.randn(2, 2, 2, nano.width, generator=torch.Generator().manual_seed(1))
    alone = ask(nano, source[:1], ["remove it"], queries[:1])
    assert torch.allclose(both[0], alone[0], atol=1e-5)


def test_image_has_the_positions_it_will_have_in_a_clip(nano: Mllm) -> None:
    layouts = [
        nano.prompt.layout(["remove it"], torch.tensor([index]), 2, nano.tokens_per_frame, nano.extra_tokens, 8)
        for index in ([3], list(range(8)))
    ]
    image, clip = (layout.position_ids[0].tolist() for layout in layouts)
    per_frame, before = nano.tokens_per_frame, len(nano.prompt.before)
    assert image[before : before + per_frame] == clip[before + 3 * per_frame : before + 4 * per_frame]
    assert image[-2:] == clip[-16 + 6 : -16 + 8]
    text = len(nano.prompt.text_ids("remove it")) + nano.extra_tokens
    assert image[-2 - text : -2] == clip[-16 - text : -16]


def test_queries_come_last_and_causality_holds(nano: Mllm) -> None:
    source = clips(1, 2)
    queries = torch.randn(1, 2, 2, nano.width)
    base = ask(nano, source, ["remove it"], queries)
    changed = queries.clone()
    changed[0, 1] += 1
    other = ask(nano, source, ["remove it"], changed)
    assert torch.allclose(other[0, 0], base[0, 0], atol=1e-6)
    assert not torch.allclose(other[0, 1], base[0, 1])


def test_users_text_cannot_stand_for_frames_or_queries(nano: Mllm) -> None:
    tokenizer = nano.tokenizer
    for token in tokenizer.added_tokens_decoder.values():
        with pytest.raises(ValueError, match="meaning of its own"):
            nano.prompt.text_ids(f"remove {token} it")
    layout = nano.prompt.layout(["remove < video > it"], torch.tensor([[0]]), 2, nano.tokens_per_frame, 1, None)
    vision = (layout.ids == nano.prompt.vision_token_id).sum().item()
    assert vision == nano.tokens_per_frame + 1


@pytest.mark.parametrize(("text", "message"), [("", "empty"), (" \t", "empty"), ("a " * 2000, "4000 characters")])
def test_bad_instructions_are_errors(nano: Mllm, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ask(nano, clips(1, 1), [text])


def test_any_text_is_known_to_the_tokenizer(nano: Mllm) -> None:
    for text in ("remove the red circle", "entferne das Mädchen", "把圆圈去掉", "🙂"):
        ids = nano.tokenizer(text, add_special_tokens=False).input_ids
        assert nano.tokenizer.decode(ids).strip() == text.lower()


def test_references_stand_before_the_frames(nano: Mllm) -> None:
    source, queries = clips(1, 2), torch.randn(1, 2, 2, nano.width)
    frame_index = torch.tensor([[1, 2]])
    references = [torch.full((1, 1, 3, 32, 32), value) for value in (-1.0, 1.0)]
    one, two = (nano(source, ["like this"], queries, frame_index, reference) for reference in references)
    assert one.shape == queries.shape
    assert not torch.allclose(one, two)
    # A picture and two frames are laid out as three frames are.
    three = nano.prompt.layout(["x"], torch.tensor([[0, 1, 2]]), 2, nano.tokens_per_frame, 1, 8)
    with_one = nano.prompt.layout(["x"], frame_index, 2, nano.tokens_per_frame, 1, 8, num_references=1)
    assert torch.equal(with_one.ids[:, :-4], three.ids[:, :-6])
    assert torch.equal(with_one.position_ids, torch.cat([three.position_ids[:, :-6], three.position_ids[:, -4:]], 1))


def test_frames_of_another_size_are_resized(nano: Mllm) -> None:
    assert ask(nano, clips(1, 1, 20), ["remove it"]).shape == (1, 1, 2, nano.width)


def test_attention_kernels_agree() -> None:
    made = []
    for kind in ("eager", "sdpa"):
        torch.manual_seed(0)
        made.append(Mllm(str(NANO_MLLM), pretrained=False, num_slots=8, attention=kind).eval())
    eager, sdpa = (ask(mllm, clips(2, 2), ["remove it", "a longer instruction"]) for mllm in made)
    assert torch.allclose(eager, sdpa, atol=1e-4)


def test_missing_folder_is_an_error() -> None:
    with pytest.raises(ValueError, match="no MLLM at 'nowhere'"):
        Mllm("nowhere")


def test_a_learning_mllm_is_read_whole(nano: Mllm) -> None:
    queries = torch.randn(1, 1, 2, nano.width, requires_grad=True)
    nano.requires_grad_(False)
    assert nano._prefix_is_fixed(queries)
    with torch.no_grad():
        assert not nano._prefix_is_fixed(queries)
    nano.requires_grad_(True)
    assert not nano._prefix_is_fixed(queries)


def test_instructions_of_a_batch_are_tokenized_together_and_once(nano: Mllm, monkeypatch: pytest.MonkeyPatch) -> None:
    prompt, tokenizer, asked = nano.prompt, nano.prompt.tokenizer, list[Any]()

    def noting(texts: Any, **options: Any) -> Any:
        asked.append(texts)
        return tokenizer(texts, **options)

    texts = ["remove it", "Add a  big star!", "remove it", "é 東京"]
    alone = [nano.prompt.text_ids(text) for text in texts]
    prompt.tokens.clear()
    monkeypatch.setattr(prompt_of, "_MOST", 4)

    monkeypatch.setattr(prompt, "tokenizer", noting)
    prompt.read(texts)
    assert [len(one) for one in asked] == [3, 3]  # by themselves, and in the prompt; each text once
    assert [prompt.text_ids(text) for text in texts] == alone
    assert len(asked) == 2
    prompt.read(["one", "remove it", "three"])  # there is no room for all: what is asked for stays
    assert sorted(prompt.tokens) == ["one", "remove it", "three"]
    assert asked[2] == ["one", "three"]
