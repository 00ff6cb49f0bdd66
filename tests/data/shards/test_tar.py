import io
import tarfile
from pathlib import Path

import pytest
import webdataset
from support.tars import png, write_shards

from veggie_pl.batch import Skill
from veggie_pl.data.shards import ShardRecords, make_index
from veggie_pl.data.shards.tar import find_member, read_part, read_text, samples_in
from veggie_pl.data.table.schema import Row
from veggie_pl.prepare.layouts.webdataset import WebDataset


def test_members_lie_where_the_index_says(tmp_path: Path) -> None:
    (path,) = write_shards(tmp_path, [3])
    with open(path, "rb") as file:
        samples = list(samples_in(file))
        assert [key for key, _ in samples] == ["00000", "00001", "00002"]
        offset, size = samples[1][1]["source.png"]
        file.seek(offset)
        assert file.read(size) == png(1)
    assert set(samples[0][1]) == {"source.png", "mask.png", "txt", "json", "rest.bin"}


def test_folders_and_links_in_a_tar_are_no_members(tmp_path: Path) -> None:
    (tmp_path / "in/a.b").mkdir(parents=True)
    (tmp_path / "in/a.b/1.txt").write_text("x")
    with tarfile.open(tmp_path / "t.tar", "w") as tar:
        tar.add(tmp_path / "in", "in")
    with open(tmp_path / "t.tar", "rb") as file:
        assert [(key, list(members)) for key, members in samples_in(file)] == [("in/a.b/1", ["txt"])]


def test_samples_before_a_fault_come_before_its_error(tmp_path: Path) -> None:
    """Of the sample that stands last nobody knows whether it is whole."""
    (path,) = write_shards(tmp_path, [4])
    whole = Path(path).read_bytes()
    with tarfile.open(path) as tar:
        third = next(member.offset for member in tar if member.name.startswith("00002"))
    damaged = bytearray(whole)
    damaged[third : third + 100] = b"\xff" * 100
    for data in (whole[:third], whole[: third + 100], whole[: third + 600], bytes(damaged)):
        samples = samples_in(io.BytesIO(data))
        assert next(samples)[0] == "00000"
        with pytest.raises(tarfile.ReadError):
            next(samples)


def test_tar_without_an_end_is_refused_in_a_stream_too(tmp_path: Path) -> None:
    (path,) = write_shards(tmp_path, [2])
    whole = Path(path).read_bytes()
    end = whole.rstrip(b"\0")
    cut = end + bytes(-len(end) % tarfile.BLOCKSIZE)
    assert len(list(samples_in(io.BytesIO(cut + bytes(tarfile.BLOCKSIZE)), "r|"))) == 2
    for mode in ("r:", "r|"):
        with pytest.raises(tarfile.ReadError, match="no end mark"):
            list(samples_in(io.BytesIO(cut), mode))


@pytest.mark.parametrize(
    ("members", "field", "column", "found"),
    [
        (["source.jpg", "txt"], "source", "source", "source.jpg"),
        (["jpg"], "source", "JPG", "jpg"),
        (["in.jpg"], "source", "in.jpg", "in.jpg"),
        (["instruction.txt", "txt"], "instruction", "instruction", "instruction.txt"),
        (["txt"], "instruction", "instruction", "txt"),
        (["txt"], "instruction", "caption", None),
        (["txt"], "phrase", "phrase", None),
        (["xsource.jpg", "source.a.jpg"], "source", "source", None),
    ],
)
def test_member_is_found_by_its_column(members: list[str], field: str, column: str, found: str | None) -> None:
    assert find_member(members, field, column) == found


def test_text_comes_from_its_member_or_from_json(tmp_path: Path) -> None:
    def read(field: str, column: str, **members: bytes) -> object:
        data, spans = b"", {}
        for kind, content in members.items():
            spans[kind.replace("_", ".")] = len(data), len(content)
            data += content
        (tmp_path / "t.tar").write_bytes(data)
        with (tmp_path / "t.tar").open("rb") as file:
            return read_text(file, spans, field, column)

    about = b'{"Caption": "a", "phrase": "b", "source": "c", "number": 3}'
    assert read("instruction", "instruction", txt=b"\xef\xbb\xbf do it \n", json=about) == "do it"
    assert read("instruction", "json.Caption", json=about) == "a"
    assert read("phrase", "phrase", json=about) == "b"
    assert read("phrase", "phrase", phrase_json=b"[1]") == [1]
    assert read("skill", "json.number", json=about) == 3
    assert read("source", "source", json=about) is None
    assert read("phrase", "phrase", json=b"[]") is None
    with (tmp_path / "t.tar").open("rb") as file, pytest.raises(ValueError, match="bytes of text"):
        read_text(file, {"txt": (0, 2**24 + 1)}, "instruction", "instruction")


@pytest.mark.parametrize(
    ("sample", "columns"),
    [
        ({"txt": "\ufeffadd a hat", "json": {"phrase": "hat", "skill": "addition"}}, {}),
        ({"instruction.txt": "add a hat", "txt": "not this", "phrase.txt": "hat", "skill": b"addition"}, {}),
        (
            {"json": {"Said": "add a hat", "noun": "hat", "skill": "addition"}},
            {"instruction": "json.Said", "phrase": "json.noun"},
        ),
    ],
)
def test_shards_and_prepared_tables_read_the_same(
    tmp_path: Path, sample: dict[str, object], columns: dict[str, str]
) -> None:
    with webdataset.TarWriter(str(tmp_path / "a.tar")) as writer:
        writer.write({"__key__": "0", "source.png": png(3), "target.png": png(4), **sample})
    (row,) = WebDataset(shards="*.tar", columns=columns).rows(tmp_path, "train", "a.tar")
    make_index([str(tmp_path / "a.tar")], tmp_path / "index.json")
    record = ShardRecords(str(tmp_path / "index.json"), str(tmp_path / "cache"), columns=columns)[0]
    assert isinstance(row, Row)
    assert row.example == record.example
    assert row.example[:4] == ("a/0", Skill.ADDITION, "add a hat", "hat")


def test_sample_read_backwards_has_the_same_clips_the_other_way_round(tmp_path: Path) -> None:
    files = {"7.source.mp4": b"ab", "7.target.mp4": b"cde", "7.json": b"{}", "7.reversed.json": b'{"skill": "removal"}'}
    files |= {"8.source.mp4": b"f", "8.reversed.json": b"{}"}  # without a target there is nothing to turn round
    with tarfile.open(tmp_path / "t.tar", "w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    with open(tmp_path / "t.tar", "rb") as file:
        found = dict(samples_in(file))
        assert [*found] == ["7", "7.reversed", "8"]
        assert {kind: read_part(file, span) for kind, span in found["7.reversed"].items()} == {
            "source.mp4": b"cde",
            "target.mp4": b"ab",
            "json": b'{"skill": "removal"}',
        }
        assert {*found["7"]} == {"source.mp4", "target.mp4", "json"}
        assert {*found["8"]} == {"source.mp4", "reversed.json"}
        assert read_text(file, found["7.reversed"], "skill", "skill") == "removal"
