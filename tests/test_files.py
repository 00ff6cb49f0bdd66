"""A folder is replaced in one move, whatever stops it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from veggie_pl import files
from veggie_pl.files import name_of_old, restore, whole_folder

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
