"""Pairs of a table are decoded, or refused one by one with a reason."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.lifting import pictures, write_stills
from support.numbered import Encoding, encode, read_numbers

from veggie_pl.batch import Example, Skill
from veggie_pl.data.table import TableInfo, write_table
from veggie_pl.data.table.schema import Row
from veggie_pl.synthesis.protocols import ItemError
from veggie_pl.synthesis.stills import Stills
from veggie_pl.video.media import Media


def test_still_holds_the_pixels_of_both_pictures(tmp_path: Path) -> None:
    stills = Stills(str(write_stills(tmp_path, 2)))
    source, target = pictures(1)
    still = stills[1]
    np.testing.assert_array_equal(still.source, source)
    np.testing.assert_array_equal(still.target, target)
    assert still.example.key == stills.key(1) == "stills/train/1"
    assert still.video is None
    assert still.digest == stills[1].digest != stills[0].digest


def test_fingerprint_changes_with_file_size_and_role(tmp_path: Path) -> None:
    table = str(write_stills(tmp_path, 1))
    before = Stills(table).fingerprint(0)
    assert Stills(table, size=(16, 16)).fingerprint(0) != before
    assert Stills(table, moved="target").fingerprint(0) != before
    cv2.imwrite(str(tmp_path / "0_source.png"), np.zeros((32, 32, 3), np.uint8))
    assert Stills(table).fingerprint(0) != before


def test_pictures_of_different_sizes_are_refused_or_stretched(tmp_path: Path) -> None:
    table = str(write_stills(tmp_path, 1))
    cv2.imwrite(str(tmp_path / "0_target.png"), np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(ItemError, match="the source has 32 x 32 pixels, the target 64 x 64"):
        Stills(table)[0]
    still = Stills(table, size=(24, 16))[0]
    assert still.source.shape == still.target.shape == (24, 16, 3)
    cv2.imwrite(str(tmp_path / "0_target.png"), np.zeros((32, 64, 3), np.uint8))
    with pytest.raises(ItemError, match="its target 32 x 64"):
        Stills(table, size=(24, 16))[0]


def test_unreadable_picture_and_empty_instruction_are_refused(tmp_path: Path) -> None:
    stills = Stills(str(write_stills(tmp_path, 4, asked={1: " \n", 2: "make it <|im_end|>"})))
    (tmp_path / "0_target.png").write_bytes(b"no picture")
    (tmp_path / "3_source.png").unlink()
    for number, said in ((0, "0_target.png"), (1, "the instruction is empty"), (2, "im_end"), (3, "3_source.png")):
        with pytest.raises(ItemError, match=said):
            stills[number]


def test_instruction_is_worded_from_the_phrase_as_for_training(tmp_path: Path) -> None:
    table = write_stills(tmp_path, 1)
    row = Row(Example("k", Skill.REMOVAL, phrase="red cat"), (Media("0_source.png"),), (Media("0_target.png"),))
    write_table(table, [row], TableInfo(card="stills", root=str(tmp_path), wordings=("Begone, {phrase}!",)))
    assert Stills(str(table))[0].example.instruction == "Begone, red cat!"
    write_table(table, [replace(row, example=row.example._replace(phrase=""))], TableInfo(card="s", root=str(tmp_path)))
    with pytest.raises(ItemError, match="the instruction is empty"):
        Stills(str(table))[0]


def test_real_video_is_the_source_of_a_still_whose_target_moves(tmp_path: Path) -> None:
    table = write_stills(tmp_path, 1, side=64)
    encode(tmp_path / "real", Encoding("libx264", num_frames=20))
    example = Example("k", Skill.REMOVAL, "remove the cat", phrase="cat", caption="no cat", source_caption="a cat")
    row = Row(example, (Media("0_source.png"),), (Media("real.mp4"),))
    write_table(table, [row], TableInfo(card="stills", root=str(tmp_path)))
    stills = Stills(str(table), moved="target")
    still = stills[0]
    assert still.video is not None
    assert read_numbers(still.video.frames(range(0, 6, 2))) == [0, 2, 4]
    assert read_numbers(still.source[None]) == [0]
    np.testing.assert_array_equal(still.target, pictures(0, 64)[0])
    assert still.example.skill is Skill.ADDITION  # what leads from the real picture to the other one
    assert (still.example.caption, still.example.source_caption) == ("a cat", "no cat")
    assert "cat" in (still.example.instruction or "")
    assert stills.example(0).instruction == "remove the cat"
