"""What lies in the folder of a page, and for how long."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from veggie_pl.app.files import PageFiles
from veggie_pl.errors import UseError


def put(path: Path, minutes_old: float = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    then = path.stat().st_mtime - 60 * minutes_old
    os.utime(path, (then, then))
    return path


def test_old_files_go_and_examples_stay(tmp_path: Path) -> None:
    files = PageFiles(tmp_path, 10)
    example = put(tmp_path / "a/example.mp4", 30)
    files.keep_these()
    old, young = put(tmp_path / "b/old.mp4", 11), put(tmp_path / "b/young.mp4", 9)
    files.sweep()
    assert (example.exists(), old.exists(), young.exists()) == (True, False, True)
    files.drop(example)
    assert example.exists()


def test_who_leaves_takes_their_own_and_stops(tmp_path: Path) -> None:
    files = PageFiles(tmp_path, 10)
    mine, other = put(tmp_path / "a/1.mp4"), put(tmp_path / "a/2.mp4")
    assert files.upload(str(mine), "me") == mine
    files.upload(str(other), "other")
    with files.edit_of("me") as (folder, stop):
        put(folder / "edit.mp4")
    with files.edit_of("me") as (_, stop), files.edit_of("other") as (_, others):
        files.leave("me")
        assert stop.is_set()
        assert not others.is_set()
    assert not mine.exists()
    assert not folder.exists()
    assert other.exists()


def test_an_edit_that_fails_leaves_nothing(tmp_path: Path) -> None:
    files = PageFiles(tmp_path, 10)
    edit = files.edit_of("me")
    folder, _ = edit.__enter__()
    put(folder / "half")
    assert not edit.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)  # it goes on
    assert not folder.exists()
    assert files.stop("me") == 0


def test_edits_that_end_while_another_begins_are_no_fault(tmp_path: Path) -> None:
    files = PageFiles(tmp_path, 10)

    def fail(number: int) -> None:
        with files.edit_of(str(number)) as (folder, _):  # looks at all folders, while others' vanish
            put(folder / "a/half")
            raise KeyError(number)

    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(fail, number) for number in range(200)]:
            assert isinstance(done.exception(), KeyError)
    assert not list(tmp_path.iterdir())


def test_only_what_lies_there_is_an_upload(tmp_path: Path) -> None:
    outside = put(tmp_path / "outside.mp4")
    (tmp_path / "root").mkdir()
    files = PageFiles(tmp_path / "root", 10)
    (tmp_path / "root/link.mp4").symlink_to(outside)
    for path in (outside, tmp_path / "root/../outside.mp4", tmp_path / "root/link.mp4", tmp_path / "root/none.mp4"):
        with pytest.raises(UseError, match="not here any more"):
            files.upload(str(path), "me")
    with pytest.raises(UseError, match="there is no clip yet"):
        files.upload(None, "me")
