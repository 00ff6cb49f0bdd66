"""Outputs are in the store whole or not at all, and nothing else is taken for one."""

import errno
import json
from pathlib import Path

import pytest

from veggie_pl.synthesis.store import HEAD, Store, StoreError, name_of


def test_what_is_put_is_found_by_another_process(tmp_path: Path) -> None:
    Store(tmp_path / "store").put("animate", "ab12", {"fps": 8.0}, {"frames.mp4": b"frames"})
    other = Store(tmp_path / "store")
    assert other.get("animate", "ab12") == {"fps": 8.0}
    assert other.read("animate", "ab12", "frames.mp4") == b"frames"
    assert other.get("propagate", "ab12") is None
    assert other.read("animate", "ab12", "other.mp4") is None


def test_what_is_damaged_counts_as_not_there(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for name in ("ab1", "ab2", "ab3"):
        store.put("pair", name, {}, {"a.mp4": b"0123456789"})
    (tmp_path / "pair/ab/ab1.a.mp4").write_bytes(b"0123")
    (tmp_path / "pair/ab/ab2.a.mp4").write_bytes(b"012345678X")
    (tmp_path / "pair/ab/ab3.json").write_text('{"facts": {')
    assert store.get("pair", "ab1") is None
    assert store.read("pair", "ab2", "a.mp4") is None
    assert store.get("pair", "ab3") is None
    store.put("pair", "ab3", {}, {"a.mp4": b"0123456789"})
    assert store.get("pair", "ab3") == {}


def test_store_of_another_version_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / HEAD).write_text(json.dumps({"version": 0}))
    with pytest.raises(StoreError, match=r"version 0, this program writes 1: name another --store, or remove it"):
        Store(tmp_path)


def test_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(StoreError, match="is no store of synthesis"):
        Store(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_full_disk_is_said_and_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)

    def full(path: Path, data: bytes) -> int:
        with path.open("wb") as file:
            file.write(data[:3])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StoreError, match=r"no space left to write .* make room and run the same command again"):
        store.put("pair", "ab1", {}, {"a.mp4": b"0123456789"})
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.name != HEAD]


def test_names_tell_all_inputs_apart() -> None:
    names = {name_of("a", 1), name_of("a", "1"), name_of("a", 1, None), name_of(["a", 1]), name_of("a", 1.5)}
    assert len(names) == 5
    assert name_of({"a": 1, "b": 2}) == name_of({"b": 2, "a": 1})
