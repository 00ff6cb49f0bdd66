"""Scores that are known already."""

import logging
import math
from pathlib import Path

import pytest

from veggie_pl.scoring.store import Kept, ScoreStore, name_of


def test_what_is_kept_comes_back_to_the_bit(tmp_path: Path) -> None:
    store = ScoreStore(tmp_path)
    store.put(name := name_of("a", "b"), Kept("make it red", {"miou": 100 / 3, "psnr": math.nan}, {"replies": ["7"]}))
    found = store.get(name)
    assert found is not None
    assert found.instruction == "make it red"
    assert found.values["miou"] == 100 / 3
    assert math.isnan(found.values["psnr"])
    assert found.notes == {"replies": ["7"]}


def test_names_tell_parts_apart() -> None:
    assert name_of("ab", "c") != name_of("a", "bc")
    assert name_of("a", "b") == name_of("a", "b")


def test_nothing_is_kept_without_a_folder() -> None:
    store = ScoreStore(None)
    store.put("0" * 32, Kept("", {}, {}))
    assert store.get("0" * 32) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"values": {"a": "x"}, "notes": {}, "instruction": ""}', "null"])
def test_torn_files_are_no_scores(tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str) -> None:
    store = ScoreStore(tmp_path)
    store.put("ab", Kept("", {"a": 1.0}, {}))
    (tmp_path / "ab" / "ab.json").write_text(text)
    with caplog.at_level(logging.WARNING):
        assert store.get("ab") is None
    assert "computed again" in caplog.text
