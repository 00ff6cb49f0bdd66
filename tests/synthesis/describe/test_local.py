"""Descriptions from an MLLM that runs here: real tiny models, one that answers and one that babbles."""

from pathlib import Path

import pytest
from support.families import FAMILIES
from support.judges import saying
from support.stills import boxed

from veggie_pl.errors import UseError
from veggie_pl.synthesis.describe import LocalDescriber
from veggie_pl.synthesis.protocols import Describer, ItemError

STILL = boxed(32, 48)
PIECES = ['{"caption": "A box.", ', '"edited_caption": "A red box.", ', '"motion": "It rolls."}']


def test_what_a_model_says_is_read(tmp_path: Path) -> None:
    asked = LocalDescriber(saying(tmp_path, "qwen3_vl", PIECES), side=32, max_tokens=8, device="cpu", dtype="float32")
    assert isinstance(asked, Describer)
    found = asked.describe(STILL, 0)
    assert (found.caption, found.edited_caption, found.motion) == ("A box.", "A red box.", "It rolls.")
    assert found.replies == ("".join(PIECES),)
    short = LocalDescriber(asked.folder, side=32, max_tokens=2, device="cpu", dtype="float32")
    assert short.digest != asked.digest
    with pytest.raises(ItemError, match="cut off at max_tokens; it said"):
        short.describe(STILL, 0)


def test_babble_is_an_error_of_the_item(tmp_path: Path) -> None:
    FAMILIES["qwen3_vl"](tmp_path)
    asked = LocalDescriber(str(tmp_path), side=32, max_tokens=3, device="cpu", dtype="float32")
    with pytest.raises(ItemError, match="it said"):
        asked.describe(STILL, 0)


def test_wrong_settings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UseError, match="max_tokens has to be at least 1"):
        LocalDescriber(str(tmp_path), max_tokens=0)
