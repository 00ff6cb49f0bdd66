"""Tar shards written by webdataset itself: rows name where members lie, and nothing is unpacked."""

import tarfile
from pathlib import Path

import numpy as np
import pytest
import webdataset
from support.layouts.own import picture, png, region, write_media

from veggie_pl.batch import Skill
from veggie_pl.data.table.schema import Row, Skipped
from veggie_pl.masks.rle import encode
from veggie_pl.prepare.layouts import LayoutError
from veggie_pl.prepare.layouts.webdataset import WebDataset

LAYOUT = WebDataset(shards="{split}-*.tar")


def write(root: Path, shards: int = 2, each: int = 3) -> None:
    for shard in range(shards):
        with webdataset.TarWriter(str(root / f"train-{shard:03d}.tar")) as writer:
            for i in range(each):
                writer.write(
                    {
                        "__key__": f"sub/{shard}{i:04d}",
                        "source.png": png(picture(i)),
                        "target.png": png(255 - picture(i)),
                        "mask.png": png(region(i) * np.uint8(255)),
                        "txt": "add a hat",
                        "json": {"Caption": f"remove dog {i}", "kind": "removal"},
                    }
                )


def read(root: Path, layout: WebDataset = LAYOUT) -> list[Row | Skipped]:
    return [row for entry in layout.entries(root, "train") for row in layout.rows(root, "train", entry)]


def test_members_of_shards_become_rows(tmp_path: Path) -> None:
    write(tmp_path)
    found = read(tmp_path)
    assert [row.key for row in found] == [f"train-{s:03d}/sub/{s}{i:04d}" for s in range(2) for i in range(3)]
    row = found[4]
    assert isinstance(row, Row), row
    assert row.source[0].read(tmp_path) == png(picture(1))
    assert row.target[0].read(tmp_path) == png(255 - picture(1))
    assert (row.source[0].path, row.source[0].suffix) == ("train-001.tar", ".png")
    assert row.mask == (encode(region(1)),)
    assert (row.example.instruction, row.example.skill) == ("add a hat", Skill.ADDITION)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train-000.tar", "train-001.tar"]


def test_columns_name_members_and_fields_of_json(tmp_path: Path) -> None:
    write(tmp_path, 1, 1)
    columns = {"source": "target.png", "target": "source.png", "instruction": "json.Caption", "skill": "json.kind"}
    (row,) = read(tmp_path, WebDataset(shards="*.tar", columns=columns))
    assert isinstance(row, Row), row
    assert row.source[0].read(tmp_path) == png(255 - picture(0))
    assert (row.example.instruction, row.example.skill) == ("remove dog 0", Skill.REMOVAL)


def test_shard_that_is_cut_off_gives_what_is_before(tmp_path: Path) -> None:
    write(tmp_path, 1, 5)
    path = tmp_path / "train-000.tar"
    with tarfile.open(path) as tar:
        whole = path.read_bytes()
        third = next(member for member in tar if "00002" in member.name)
    for more in (0, 100, 512, 600):
        path.write_bytes(whole[: third.offset + more])
        found = read(tmp_path)
        assert [type(row) for row in found] == [Row, Skipped]  # of the second nobody knows whether it is whole
    path.write_bytes(b"no tar at all" * 100)
    (row,) = read(tmp_path)
    assert isinstance(row, Skipped)
    assert "cannot be read to its end" in row.reason


def test_shard_that_loses_bytes_anywhere_never_breaks(tmp_path: Path) -> None:
    write(tmp_path, 1, 3)
    path = tmp_path / "train-000.tar"
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    for _ in range(40):
        data = bytearray(whole[: rng.integers(1, len(whole))])
        for place in rng.integers(0, len(data), 20):
            data[place] = rng.integers(256)
        path.write_bytes(data)
        assert all(isinstance(row, Row | Skipped) for row in read(tmp_path))


def test_example_without_a_member_is_skipped(tmp_path: Path) -> None:
    write_media(tmp_path)
    with webdataset.TarWriter(str(tmp_path / "train-0.tar")) as writer:
        writer.write({"__key__": "a", "source.png": png(picture(0)), "txt": "add a hat"})
        writer.write({"__key__": "b", "source.png": png(picture(0)), "target.png": png(picture(0)), "txt": b"\xff"})
        writer.write({"__key__": "c", "source.png": png(picture(0)), "target.png": png(picture(0)), "txt": "add a hat"})
    first, second, third = read(tmp_path)
    assert first == Skipped("train-0/a", "there is neither a target nor a mask")
    assert isinstance(second, Skipped)
    assert "a member that cannot be read" in second.reason
    assert isinstance(third, Row)


def test_shards_that_cannot_be_used_are_one_error(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="no such file"):
        read(tmp_path)
    (tmp_path / "train-0.tar.gz").write_bytes(b"x")
    with pytest.raises(LayoutError, match="compressed shard"):
        read(tmp_path, WebDataset(shards="train-*"))
    with pytest.raises(LayoutError, match="outside the data root"):
        read(tmp_path, WebDataset(shards="../*.tar"))
