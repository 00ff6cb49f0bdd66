import gzip
from pathlib import Path

import pytest
from support.tars import serving, write_shards

from veggie_pl.cli import main
from veggie_pl.data.shards import Shard, ShardError, make_index, read_index
from veggie_pl.data.shards.index import numbered


def test_command_indexes_paths_and_addresses_alike(tmp_path: Path) -> None:
    paths = write_shards(tmp_path / "shards", [3, 1, 4])
    main(["index", *paths, "-o", str(tmp_path / "index.json")])
    here = read_index(str(tmp_path / "index.json"))
    assert here == [Shard(path, Path(path).stat().st_size, count) for path, count in zip(paths, [3, 1, 4], strict=True)]
    with serving(tmp_path) as (address, _):
        main(["index", f"{address}/shards/part-{{00..02}}.tar", "-o", str(tmp_path / "far.json")])
        far = read_index(str(tmp_path / "far.json"))
        assert [(one.size, one.samples) for one in far] == [(one.size, one.samples) for one in here]
        assert far[1].url == f"{address}/shards/part-01.tar"
        beside = read_index(f"{address}/index.json")  # paths beside an index are addresses beside its address
        assert beside == far


def test_index_moves_with_its_shards(tmp_path: Path) -> None:
    paths = write_shards(tmp_path / "old", [2])
    make_index(paths, tmp_path / "old/index.json")
    (tmp_path / "old").rename(tmp_path / "new")
    assert read_index(str(tmp_path / "new/index.json"))[0].url == str(tmp_path / "new/part-00.tar")


def test_numbers_in_names_are_written_out() -> None:
    assert numbered("a-{08..10}.tar") == ["a-08.tar", "a-09.tar", "a-10.tar"]
    assert numbered("{0..1}/{1..2}") == ["0/1", "0/2", "1/1", "1/2"]
    assert numbered("a{b}.tar") == ["a{b}.tar"]


@pytest.mark.parametrize("kind", ["missing", "truncated", "compressed", "text"])
def test_shard_that_cannot_be_read_is_named(tmp_path: Path, kind: str) -> None:
    whole = Path(write_shards(tmp_path / "good", [4])[0]).read_bytes()
    bad = tmp_path / "bad.tar"
    content = {"truncated": whole[: len(whole) // 2 + 100], "compressed": gzip.compress(whole), "text": b"no tar" * 999}
    if kind in content:
        bad.write_bytes(content[kind])
    with pytest.raises(ShardError, match=r"bad.tar: a shard that cannot be read to its end \(.+\)"):
        make_index([str(bad)], tmp_path / "index.json")
    assert not list(tmp_path.glob("*index*"))


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"version": 2, "shards": []}', '{"version": 1, "shards": [{"url": "a"}]}', None]
)
def test_what_is_no_index_names_the_command(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "index.json").write_text(content)
    with pytest.raises(ShardError, match=r"index.json: no index of shards \(.+\); `python -m veggie_pl index`"):
        read_index(str(tmp_path / "index.json"))


def test_no_shards_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ShardError, match="no shards"):
        make_index([], tmp_path / "index.json")
