"""Paired folders: what belongs together by name, and what is missing is told."""

import json
import shutil
from pathlib import Path

import pytest
from support.layouts.own import palette, picture, png, region, write_media

from veggie_pl.batch import Example, Skill
from veggie_pl.data.table.schema import Row, Skipped
from veggie_pl.masks.rle import encode
from veggie_pl.prepare.layouts import LayoutError
from veggie_pl.prepare.layouts.folders import PairedFolders
from veggie_pl.video.media import Media


def write(root: Path) -> None:
    """train/source/a.png and a folder of frames b, train/target, train/masks; words beside."""
    write_media(root)
    media, base = root / "media", root / "train"
    for folder in ("source", "target", "masks"):
        (base / folder).mkdir(parents=True)
    (base / "source/a.png").write_bytes(png(picture(0)))
    (base / "target/a.bmp").write_bytes(png(picture(1)))
    palette(base / "masks/a.png", 0)
    shutil.copytree(media / "frames", base / "source/b")
    shutil.copytree(media / "frames", base / "target/b")
    shutil.copytree(media / "masks", base / "masks/b")
    (base / "source/a.txt").write_text("remove the dog\n")
    (base / "source/b.txt").write_text("add a hat")


def read(root: Path, layout: PairedFolders) -> list[Row | Skipped]:
    return [row for entry in layout.entries(root, "train") for row in layout.rows(root, "train", entry)]


FRAMES = tuple(Media(f"train/source/b/{i:03d}.png") for i in range(4))
EDITS = PairedFolders(source="{split}/source", target="{split}/target")
MASKED = PairedFolders(source="{split}/source", masks="{split}/masks", mask_value=3)


def test_folders_of_edits(tmp_path: Path) -> None:
    write(tmp_path)
    image, clip = read(tmp_path, EDITS)
    assert image == Row(
        Example("a", Skill.REMOVAL, "remove the dog"), (Media("train/source/a.png"),), (Media("train/target/a.bmp"),)
    )
    assert isinstance(clip, Row)
    assert (clip.source, clip.example.instruction, clip.example.skill) == (FRAMES, "add a hat", Skill.ADDITION)
    assert clip.target == tuple(Media(f"train/target/b/{i:03d}.png") for i in range(4))


def test_folders_of_masks(tmp_path: Path) -> None:
    write(tmp_path)
    image, clip = read(tmp_path, MASKED)
    assert image == Row(
        Example("a", Skill.GROUNDING, phrase="remove the dog"),
        (Media("train/source/a.png"),),
        mask=(encode(region(0)),),
    )
    assert isinstance(clip, Row)
    assert clip.mask == tuple(encode(region(i)) for i in range(4)) or clip.mask  # gray masks know no value 3
    gray = MASKED.model_copy(update={"mask_value": None})
    clip = read(tmp_path, gray)[1]
    assert isinstance(clip, Row)
    assert clip.mask == tuple(encode(region(i)) for i in range(4))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("words.csv", 'a,"turn it, please"\nb.mp4,x\nb,more\n'),
        ("words.tsv", "a\tturn it, please\nb\tmore\n"),
        ("words.json", json.dumps({"a.png": "turn it, please", "b": "more"})),
    ],
)
def test_words_in_one_file(name: str, content: str, tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / name).write_text(content)
    found = read(tmp_path, EDITS.model_copy(update={"words": name}))
    assert [row.example.instruction for row in found if isinstance(row, Row)] == ["turn it, please", "more"]


def test_same_words_for_all(tmp_path: Path) -> None:
    write(tmp_path)
    found = read(tmp_path, EDITS.model_copy(update={"instruction": "make it sepia style"}))
    assert {(row.example.instruction, row.example.skill) for row in found if isinstance(row, Row)} == {
        ("make it sepia style", Skill.STYLIZATION)
    }


def test_what_is_missing_is_skipped_with_the_reason(tmp_path: Path) -> None:
    write(tmp_path)
    for name in ("a", "c"):
        (tmp_path / f"train/source/{name}.png").write_bytes(png(picture(0)))
    (tmp_path / "train/source/a.txt").unlink()
    (tmp_path / "train/source/d.png").symlink_to("/etc/hostname")
    (tmp_path / "train/source/d.txt").write_text("x")
    (tmp_path / "train/target/d.png").write_bytes(png(picture(0)))
    found = {row.key: getattr(row, "reason", None) for row in read(tmp_path, EDITS)}
    assert found["b"] is None
    assert found["a"] == "no words: neither in one file nor in a .txt beside the source"
    assert found["c"] == "target: none of this name in train/target"
    assert "outside the data root" in found["d"]


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        (PairedFolders(source="train/source"), "neither a folder target nor a folder masks"),
        (PairedFolders(source="train/sources", target="train/target"), "train/sources: no such folder"),
        (PairedFolders(source="train/source", target="../x"), "outside the data root"),
        (PairedFolders(source="/etc", target="train/target"), "outside the data root"),
        (EDITS.model_copy(update={"words": "none.csv"}), "none.csv: cannot be read"),
        (EDITS.model_copy(update={"words": "bad.csv"}), "a line of 3 cells"),
        (EDITS.model_copy(update={"words": "bad.json"}), "bad.json: cannot be read"),
        (EDITS.model_copy(update={"words": "list.json"}), "an object of name and words is needed"),
    ],
)
def test_folders_that_cannot_be_used_are_one_error(layout: PairedFolders, message: str, tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "bad.csv").write_text("a,b,c\n")
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "list.json").write_text("[1]")
    with pytest.raises(LayoutError, match=message):
        read(tmp_path, layout)
