"""Reading of annotation files that nobody vouches for."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from veggie_pl.batch import Example, Skill
from veggie_pl.data.table.schema import Row, Skipped
from veggie_pl.prepare.layouts.annotations import (
    ExampleError,
    below,
    expression,
    field,
    key,
    listed,
    load,
    number,
    question,
    rows_of,
    text,
)
from veggie_pl.prepare.layouts.base import LayoutError
from veggie_pl.prepare.layouts.groundmore import seconds


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_json_is_read_in_the_encodings_that_occur(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(json.dumps({"é": "ü"}, ensure_ascii=False).encode(encoding))
    assert load(tmp_path, "a.json") == {"é": "ü"}


@pytest.mark.parametrize("data", [b"", b"{", b"\x81", b"[" * 100_000, b"1" * 5000, b'{"a": tru}'])
def test_what_is_not_json_is_named(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(data)
    with pytest.raises(LayoutError, match=r"a\.json: not JSON"):
        load(tmp_path, "a.json")


@pytest.mark.parametrize(
    ("path", "reason"),
    [("b.json", "no such file"), ("../b.json", "outside"), (".", "no such file"), ("pipe", "no such file")],
)
def test_file_that_cannot_be_read_is_named(path: str, reason: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for ever
    with pytest.raises(LayoutError, match=reason):
        load(tmp_path, path)


@pytest.mark.parametrize("path", ["../a", "/etc/passwd", "a/../../b", "a\0b", "", "\ud800", "x" * 5000])
def test_names_that_lead_out_of_the_root_or_nowhere_are_faults(path: str, tmp_path: Path) -> None:
    with pytest.raises(ExampleError):
        listed(tmp_path, path)


def test_links_count_only_if_they_stay_below_the_root(tmp_path: Path) -> None:
    root = tmp_path / "data"
    (root / "a").mkdir(parents=True)
    (root / "a/own.jpg").touch()
    (tmp_path / "other.jpg").touch()
    (root / "a/link.jpg").symlink_to(root / "a/own.jpg")
    (root / "a/out.jpg").symlink_to(tmp_path / "other.jpg")
    assert listed(root, "a") == {"own.jpg", "link.jpg"}
    assert below(root, "a/link.jpg") == (root / "a/own.jpg").resolve()
    with pytest.raises(ExampleError, match="outside the data root"):
        below(root, "a/out.jpg")


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ([], "fields were expected, not a list"),
        ({}, "no field 'exp'"),
        ({"exp": 3}, "exp is a int, not a str"),
        ({"exp": " \n "}, "exp is empty"),
        ({"exp": ""}, "'' is no name"),
        ({"exp": "\ud800"}, "is no name"),
    ],
)
def test_text_that_is_none_is_a_fault(record: Any, reason: str) -> None:
    with pytest.raises(ExampleError, match=reason):
        text(record, "exp")


def test_text_has_single_spaces() -> None:
    assert text({"exp": "  a   red\tkite\n"}, "exp") == "a red kite"


def test_truth_values_are_no_numbers() -> None:
    assert (field({"a": 3}, "a", int), number("07", "a"), number(5, "a")) == (3, 7, 5)
    for value in (True, None, 1.0, -1, "-1", "x", "", "²", "9" * 300):
        with pytest.raises(ExampleError, match="a is"):
            number(value, "a")


@pytest.mark.parametrize(
    ("said", "phrase"),
    [
        ("The bird flying away.", "bird flying away"),
        ("a  kite", " kite"),
        ("another one", "another one"),
        ("An", "An"),
        ("the", "the"),
        ("...", "..."),
    ],
)
def test_expression_loses_its_article_and_stop(said: str, phrase: str) -> None:
    assert expression(said) == phrase


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("Who is it?", "Who is it?"),
        ("If it rains, what helps?", "If it rains, what helps?"),
        ("Who throws what", "Who throws what?"),
        ("is anyone there.", "is anyone there?"),
        ("the camera lens.", "What fits this description: the camera lens?"),
    ],
)
def test_question_ends_in_one_question_mark(said: str, asked: str) -> None:
    assert question(said) == asked


@pytest.mark.parametrize(("time", "wanted"), [("4:15", 255), ("0:04:15", 255), ("1:00:00", 3600), ("9", 9)])
def test_times_are_seconds(time: str, wanted: int) -> None:
    assert seconds(time) == wanted


@pytest.mark.parametrize("time", ["", ":", "4:", "-1:00", "1:2:3:4", "4.5", "٤:١٥", "9" * 99])
def test_what_is_no_time_is_a_fault(time: str) -> None:
    with pytest.raises(ExampleError, match="is no time such as 4:15"):
        seconds(time)


def test_keys_can_be_stored() -> None:
    assert key("mevis", "train", "a\ud800", 3) == "mevis/train/a\\ud800/3"
    assert len(key("mevis", "train", "x" * 9999)) < 300


def test_rows_of_says_why_an_example_is_left_out() -> None:
    def make(name: str, example: Any) -> Row:
        if example is None:
            raise ExampleError("none\ngiven \ud800")
        return Row(Example(name, Skill.GROUNDING, phrase=example), ())

    rows = list(rows_of([("a", "x"), ("b", None)], make))
    assert rows == [Row(Example("a", Skill.GROUNDING, phrase="x"), ()), Skipped("b", "none given \\ud800")]
