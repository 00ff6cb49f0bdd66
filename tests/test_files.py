"""A file or folder is replaced in one move, whatever stops it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from veggie_pl import files
from veggie_pl.files import name_of_old, restore, whole_file, whole_folder, write_text

DIES = """
import os, signal, sys
from pathlib import Path
from veggie_pl import files as whole_folders
place, stop = Path(sys.argv[1]), int(sys.argv[2])
if sys.argv[3] == "no exchange":
    whole_folders._exchange = lambda one, other: False
calls = 0
def watch(frame, event, arg):  # dies at its n-th line
    global calls
    if frame.f_code.co_filename != whole_folders.__file__:
        return None
    calls += event == "line"
    if calls == stop:
        os.kill(os.getpid(), signal.SIGKILL)
    return watch
sys.settrace(watch)
with whole_folders.whole_folder(place) as new:
    (new / "content").write_text("new")
    (new / "more").mkdir()
"""


def write(place: Path, content: str) -> None:
    with whole_folder(place) as folder:
        (folder / "content").write_text(content)


def content(place: Path) -> str:
    restore(name_of_old(place))
    return (place / "content").read_text()


@pytest.mark.parametrize("exchange", [True, False])
def test_whole_folder_replaces(tmp_path: Path, exchange: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not exchange:  # as on NFS
        monkeypatch.setattr(files, "_exchange", lambda one, other: False)
    for text in ("first", "second"):
        write(tmp_path / "a/model", text)
        assert content(tmp_path / "a/model") == text
        assert [path.name for path in (tmp_path / "a").iterdir()] == ["model"]


def test_whole_folder_that_cannot_be_moved_leaves_the_older(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "model", "old")
    monkeypatch.setattr(files, "_exchange", lambda one, other: False)
    move = Path.rename

    def full(self: Path, target: Path) -> Path:
        if self.name.endswith(".partial"):
            raise OSError("no room")
        return move(self, target)

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(OSError, match="no room"):
        write(tmp_path / "model", "new")
    assert content(tmp_path / "model") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_whole_folder_behind_a_link_stays_behind_it(tmp_path: Path) -> None:
    write(tmp_path / "disk/model", "old")
    (tmp_path / "model").symlink_to(tmp_path / "disk/model")
    write(tmp_path / "model", "new")
    assert (tmp_path / "model").is_symlink()
    assert content(tmp_path / "disk/model") == "new"


@pytest.mark.slow
@pytest.mark.parametrize("way", ["exchange", "no exchange"])
def test_killed_anywhere_leaves_one_whole_folder(tmp_path: Path, way: str) -> None:
    place = tmp_path / "model"
    seen, stop, code = set(), 0, -signal.SIGKILL
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    while code == -signal.SIGKILL:
        stop += 3
        write(place, "old")
        code = subprocess.run([sys.executable, "-c", DIES, str(place), str(stop), way], env=environment).returncode
        seen.add(content(place))
    assert code == 0
    assert seen == {"old", "new"}
    write(place, "last")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]  # what was left is cleared


def test_write_text_leaves_the_old_file_when_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "r.md"
    write_text(path, "old")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["r.md"]  # nothing temporary is left


def test_write_text_replaces_and_can_be_read_by_others(tmp_path: Path) -> None:
    write_text(tmp_path / "r.md", "old")
    write_text(tmp_path / "r.md", "new ±")
    assert (tmp_path / "r.md").read_text(encoding="utf-8") == "new ±"
    assert (tmp_path / "r.md").stat().st_mode & 0o777 == 0o644


def test_a_file_that_many_write_has_a_name_of_its_own_until_it_is_whole(tmp_path: Path) -> None:
    place = tmp_path / "kept.json"
    with whole_file(place, shared=True) as one, whole_file(place, shared=True) as other:
        assert one != other
        one.write_text("one")
        other.write_text("other")
        assert not place.exists()
    assert place.read_text() in ("one", "other")
    assert [path.name for path in tmp_path.iterdir()] == ["kept.json"]


@pytest.mark.parametrize("shared", [True, False])
def test_a_file_that_fails_leaves_the_older_and_nothing_else(shared: bool, tmp_path: Path) -> None:
    place = tmp_path / "kept.json"
    place.write_text("old")

    def stopped() -> None:
        with whole_file(place, shared=shared) as partial:
            partial.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert place.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["kept.json"]
