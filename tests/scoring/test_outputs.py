"""What lies in a folder of outputs is listed before anything is scored."""

from pathlib import Path

import pytest
import torch
from support.outputs import copied, write_outputs

from veggie_pl.data.shapes import ShapesBenchmark
from veggie_pl.errors import UseError
from veggie_pl.metrics.edited_files import EditFolder
from veggie_pl.scoring import headers as outputs_headers
from veggie_pl.scoring.expected import expected_of
from veggie_pl.scoring.headers import KnownHeaders
from veggie_pl.scoring.outputs import counts, digest_of, findings, look
from veggie_pl.scoring.units import list_units
from veggie_pl.video.writer import write_clip

BENCH = ShapesBenchmark(num_frames=3, skills=["removal", "grounding"])
UNITS = list_units(BENCH, lambda stream, index: "", 3)


def test_every_state_is_listed_with_examples(tmp_path: Path) -> None:
    places = write_outputs(tmp_path, BENCH, 3, copied)
    for place in places[1:4]:
        for file in place.iterdir():
            file.unlink()
        place.rmdir()
    write_clip(places[2].with_name("2.mp4"), torch.zeros(5, 3, 32, 32))  # too long
    places[3].with_name("0.mp4").write_text("no video")
    write_clip(places[0].with_name("99.mp4"), torch.zeros(3, 3, 32, 32))
    edits = EditFolder(tmp_path)
    found = look(UNITS, edits, expected_of(BENCH.streams()))
    assert [one.state for one in found] == ["scored", "missing", "unfit", "unreadable", "scored", "scored"]
    assert counts(found) == {"scored": 3, "missing": 1, "unfit": 1, "unreadable": 1}
    extra = edits.others([one.path for one in found if one.path is not None])
    assert [path.name for path in extra] == ["99.mp4"]
    grid = findings(found, extra, tmp_path)
    assert [(row[0], row[2]) for row in grid.rows] == [
        ("good", "3"),
        ("unfit", "1"),
        ("unreadable", "1"),
        ("missing", "1"),
        ("extra", "1"),
    ]
    assert "has 5 frames" in grid.rows[1][1]
    assert "the bench gives 3 frames" in grid.rows[1][1]


def test_nothing_there_is_one_error_that_names_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(UseError, match=r"looked for shapes/test/0/removal/0 and .*--naming index"):
        look(UNITS, EditFolder(tmp_path), expected_of(BENCH.streams()))


def test_digest_changes_with_bytes_and_names(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "0.png").write_bytes(b"x")
    first = digest_of(tmp_path / "a")
    (tmp_path / "a" / "0.png").rename(tmp_path / "a" / "1.png")
    second = digest_of(tmp_path / "a")
    (tmp_path / "a" / "1.png").write_bytes(b"y")
    assert len({first, second, digest_of(tmp_path / "a"), digest_of(tmp_path / "a" / "1.png")}) == 4


def test_what_was_looked_at_is_not_opened_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_outputs(tmp_path / "edits", BENCH, 3, copied)
    headers = KnownHeaders(tmp_path / "headers")

    def again() -> object:
        return look(UNITS, EditFolder(tmp_path / "edits"), expected_of(BENCH.streams()), headers=headers)

    first = again()
    opened: list[Path] = []
    whole = outputs_headers.edit_file
    monkeypatch.setattr(outputs_headers, "edit_file", lambda path: opened.append(path) or whole(path))
    assert again() == first
    assert not opened
    changed = next(path for path in (tmp_path / "edits").rglob("*.png"))
    write_clip(changed, torch.ones(1, 3, 32, 32))
    again()
    assert opened == [changed.parent]
    kept = next(path for path in (tmp_path / "headers").rglob("*.json"))
    kept.write_text("{}")
    assert len(opened) == 1
    again()
    assert len(opened) == 2
