import numpy as np
import pytest

from veggie_pl.video import letters
from veggie_pl.video.letters import wrap, write

INK = (40, 40, 40)
WORDS = ["变成蓝色", "去掉方块", "удали круг", "покрась круг", "🎨🎨", "🎲🎲", "né", "nè", "a\u200bb", "ab"]


@pytest.fixture(params=["with the machine's fonts", "with Pillow's alone"])
def fonts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "with Pillow's alone":
        monkeypatch.setattr(letters, "FONTS", ())
    for cached in (letters._fonts, letters._has):
        cached.cache_clear()
    return str(request.param)


def test_no_two_requests_look_the_same_in_any_language(fonts: str) -> None:
    pictures = {word: write(word, 200, 13, INK) for word in WORDS}
    for word, picture in pictures.items():
        alike = [other for other, drawn in pictures.items() if drawn.tobytes() == picture.tobytes()]
        assert alike == [word]
        assert (picture < 128).any()


def test_letters_that_no_font_has_are_numbers(fonts: str) -> None:
    assert wrap("go \ue000 and \U000f0000", 1000, 13) == [r"go \ue000 and \U000f0000"]
    assert wrap("plain, short: 'text' - 100 %!", 1000, 13) == ["plain, short: 'text' - 100 %!"]


@pytest.mark.parametrize("text", ["which of the objects moves the fastest", "a/path/without/any/break.mp4", *WORDS])
def test_wrapping_loses_no_letter(text: str, fonts: str) -> None:
    whole, narrow = wrap(text, 10_000, 13), wrap(text, 60, 13)
    assert len(whole) == 1
    assert "".join(narrow).replace(" ", "") == whole[0].replace(" ", "")
    picture = write(text, 64, 13, INK)
    assert picture.shape[0] > 18 * len(narrow)
    assert (picture[:, -1] == 255).all(), "nothing is written beyond the edge"


def test_an_empty_text_is_one_empty_line() -> None:
    assert np.unique(write("", 50, 13, INK)).tolist() == [255]
