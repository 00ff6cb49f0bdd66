import re

import numpy as np
import pytest

from veggie_pl.data.instructions.typos import NEIGHBOURS, mistype, slip, with_typos
from veggie_pl.data.shapes.vocabulary import LARGE


@pytest.mark.parametrize(
    ("kind", "typed"), [("swap", "rmeove"), ("drop", "rmove"), ("double", "reemove"), ("neighbour", "rrmove")]
)
def test_mistype_does_what_it_says(kind: str, typed: str) -> None:
    assert mistype("remove", kind, 1) == typed
    assert NEIGHBOURS["q"] == "w"
    assert NEIGHBOURS["s"] == "ad"


def test_slip_changes_a_word_by_one_or_two_letters_and_leaves_the_first() -> None:
    rng = np.random.default_rng(0)
    typed = [slip("background", rng) for _ in range(500)]
    assert "background" not in typed
    assert all(word[0] == "b" and abs(len(word) - 10) <= 2 for word in typed)
    assert len(set(typed)) > 100
    assert {len(word) for word in typed} >= {9, 10, 11}
    assert all(slip("red", rng) != "red" for _ in range(100))


def test_no_word_of_the_world_becomes_another() -> None:
    words = {*LARGE.shapes, *LARGE.colors, *LARGE.textures, *LARGE.fills, "left", "right"}
    rng = np.random.default_rng(0)
    for word in words:
        assert not {slip(word, rng) for _ in range(300)} & words, word


def test_rate_is_that_of_words_and_slots_stay() -> None:
    text = "Please remove the {phrase} from don't {place} video to it"
    words = re.findall(r"\w+", text)

    def mistyped(rate: float, seed: int) -> int:
        typed = with_typos(text, np.random.default_rng(seed), rate)
        assert all(part in typed for part in ("{phrase}", "{place}", "don't", " to it"))
        others = re.findall(r"\w+", typed)
        return sum(word != other for word, other in zip(words, others, strict=True))

    assert {mistyped(0.0, seed) for seed in range(50)} == {1}
    assert {mistyped(1.0, seed) for seed in range(50)} == {5}  # Please, remove, the, from, video
    counts = [mistyped(0.5, seed) for seed in range(400)]
    assert abs(np.mean(counts) - (1 + 4 * 0.5)) < 0.2  # one is mistyped in any case
    assert with_typos("a {phrase} to", np.random.default_rng(0), 1.0) == "a {phrase} to"
