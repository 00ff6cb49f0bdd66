"""docs/ARCHITECTURE.md is true: its tree is the package's, and its journeys pass where it says they do."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import cv2
import numpy as np
import pytest
from support.fake import write_fake

from veggie_pl.batch import Example, Skill, collate
from veggie_pl.data.mixture import Mixture, Weighted
from veggie_pl.data.streams import EditingStream, GroundingStream, Stream
from veggie_pl.data.table import TableInfo, TableRecords, write_table
from veggie_pl.data.table.schema import Row
from veggie_pl.masks.rle import encode
from veggie_pl.video.media import Media

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "docs/ARCHITECTURE.md").read_text()


def drawn() -> set[str]:
    """The rooms and files of the tree, as ``masks/`` and ``batch.py``."""
    tree = re.search(r"```\nveggie_pl/\n(.*?)```", TEXT, re.S)
    assert tree is not None
    return set(re.findall(r"^  ([\w/.]+) ", tree[1], re.M))


def test_the_tree_is_the_package() -> None:
    found = {path.name + "/" * path.is_dir() for path in (ROOT / "veggie_pl").iterdir()}
    assert drawn() == found - {"__pycache__/", "__init__.py", "__main__.py"}


def test_what_the_page_names_is_there() -> None:
    named = {name for name in re.findall(r"`([\w/]+(?:/|\.py|\.yaml))`", TEXT)}
    assert len(named) > 15
    places = (ROOT / "veggie_pl", ROOT)
    missing = [name for name in sorted(named) if not any((place / name).exists() for place in places)]
    assert not missing


def test_it_is_one_page() -> None:
    assert len(TEXT.splitlines()) <= 100


DOORS = {"video": "video/clip.py", "masks": "masks/paint.py"}  # beside the way of a batch: one file each
SQUARE = np.pad(np.ones((9, 9), bool), ((0, 39), (0, 55)))
WAYS: dict[str, tuple[Row, int, type[Stream]]] = {
    "a pair of pictures": (
        Row(Example("k", Skill.REMOVAL, "remove it"), (Media("a.png"),), (Media("b.png"),)),
        1,
        EditingStream,
    ),
    "a pair of clips": (
        Row(Example("k", Skill.REMOVAL, "remove it"), (Media("a.mp4"),), (Media("b.mp4"),)),
        4,
        EditingStream,
    ),
    "a clip and an object in it": (
        Row(Example("k", Skill.GROUNDING, phrase="square"), (Media("a.mp4"),), mask=(encode(SQUARE),) * 10),
        4,
        GroundingStream,
    ),
}


def called(call: Callable[[], Any]) -> set[str]:
    """Files of the package whose functions a call runs, a room beside the way as its door."""
    found: set[str] = set()
    package = f"{ROOT / 'veggie_pl'}/"

    def note(frame: FrameType, event: str, argument: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(package) and code.co_name != "<module>":
            name = code.co_filename.removeprefix(package)
            found.add(DOORS.get(name.partition("/")[0], name))

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return found


@pytest.mark.parametrize("name", WAYS)
def test_way_from_a_row_to_a_batch_is_short_and_as_told(name: str, tmp_path: Path) -> None:
    for number, file in enumerate("ab"):
        write_fake(tmp_path / f"{file}.mp4", 10)
        cv2.imwrite(str(tmp_path / f"{file}.png"), np.full((48, 64, 3), 200 * number, np.uint8))
    row, frames, stream = WAYS[name]
    write_table(tmp_path / "table", [row], TableInfo(card="x", root=str(tmp_path)))
    mixture = Mixture({"s": Weighted(stream(TableRecords(str(tmp_path / "table"), frames, 32)))})
    found = called(lambda: collate([mixture[0], mixture[1]]))
    assert len(found) < 12, sorted(found)
    told = re.search(rf"(\d+) files for {name}", TEXT)
    assert told is not None
    assert int(told[1]) == len(found), sorted(found)
    paragraph = next(part for part in TEXT.split("\n\n") if f"files for {name}" in part)
    assert found <= set(re.findall(r"`([\w/]+\.py)`", paragraph))
