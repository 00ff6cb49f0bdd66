import multiprocessing
import re
import threading
import time
from pathlib import Path

import pytest
from filelock import FileLock
from support.tars import serving, write_shards

from veggie_pl.data.shards import Shard, ShardCache, ShardError, make_index
from veggie_pl.data.shards import cache as caching

OTHER = "0123456789abcdef01234567"  # as shards are called that are kept


def far(folder: Path, address: str, sizes: list[int], padding: int = 0) -> list[Shard]:
    """Shards behind a server."""
    write_shards(folder, sizes, padding)
    found = make_index(sorted(map(str, folder.glob("*.tar"))), folder / "index.json")
    return [Shard(f"{address}/{Path(one.url).name}", one.size, one.samples) for one in found]


def content(cache: ShardCache, shard: Shard) -> bytes:
    with cache.open(shard) as file:
        return file.read()


def test_shard_is_fetched_once_and_whole(tmp_path: Path) -> None:
    with serving(tmp_path / "far") as (address, seen):
        shards = far(tmp_path / "far", address, [2, 2])
        cache = ShardCache(tmp_path / "cache", 10**9)
        for _ in range(2):
            assert content(cache, shards[0]) == (tmp_path / "far/part-00.tar").read_bytes()
        assert seen == {"/part-00.tar": 1}


def test_shards_here_are_read_in_place(tmp_path: Path) -> None:
    (path,) = write_shards(tmp_path / "here", [2])
    cache = ShardCache(tmp_path / "cache", 0)
    for url in (path, f"file://{path}"):
        assert content(cache, Shard(url, 1, 2)) == Path(path).read_bytes()
    assert not (tmp_path / "cache").exists()
    with pytest.raises(ShardError, match=r"gone.tar: no such shard"):
        content(cache, Shard(str(tmp_path / "gone.tar"), 1, 2))


def let_file_times_move_on(folder: Path) -> None:
    """They tick more coarsely than clocks do: wait until a file written now is younger than one written before."""
    first, now = folder / "first", folder / "now"
    first.touch()
    now.touch()
    while now.stat().st_mtime_ns <= first.stat().st_mtime_ns:
        now.touch()


def test_what_was_read_longest_ago_makes_room(tmp_path: Path) -> None:
    with serving(tmp_path / "far") as (address, seen):
        shards = far(tmp_path / "far", address, [1, 1, 1])
        cache = ShardCache(tmp_path / "cache", 2 * shards[0].size)
        for number in (0, 1, 0, 2):  # 1 goes
            content(cache, shards[number])
            let_file_times_move_on(tmp_path)
            assert sum(path.stat().st_size for path in (tmp_path / "cache").glob("*.tar")) <= cache.max_bytes
        content(cache, shards[0])
        assert seen["/part-00.tar"] == 1
        content(cache, shards[1])
        assert seen["/part-01.tar"] == 2


def test_open_shard_stays_readable_when_it_is_removed(tmp_path: Path) -> None:
    with serving(tmp_path / "far") as (address, _):
        shards = far(tmp_path / "far", address, [1, 1])
        cache = ShardCache(tmp_path / "cache", shards[0].size)
        with cache.open(shards[0]) as file:
            content(cache, shards[1])
            assert len(list((tmp_path / "cache").glob("*.tar"))) == 1
            assert file.read() == (tmp_path / "far/part-00.tar").read_bytes()


@pytest.fixture
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caching, "PAUSE", 0.01)
    monkeypatch.setattr(caching, "FORGET", 1e9)  # however long a busy machine takes to come back


@pytest.mark.usefixtures("_hasty")
def test_server_that_fails_now_and_then_is_asked_again(tmp_path: Path) -> None:
    with serving(tmp_path / "far", failures=3) as (address, seen):
        (shard,) = far(tmp_path / "far", address, [3])
        assert content(ShardCache(tmp_path / "cache", 10**9), shard) == (tmp_path / "far/part-00.tar").read_bytes()
        assert seen["/part-00.tar"] == 4


@pytest.mark.usefixtures("_hasty")
def test_server_that_always_fails_is_given_up_on_once(tmp_path: Path) -> None:
    with serving(tmp_path / "far", failures=99) as (address, seen):
        (shard,) = far(tmp_path / "far", address, [3])
        cache = ShardCache(tmp_path / "cache", 10**9, retries=2)
        for _ in range(3):  # later samples of the same shard do not wait for it again
            with pytest.raises(ShardError, match=r"part-00.tar: could not be fetched in 3 tries \(.+\)"):
                content(cache, shard)
        assert seen["/part-00.tar"] == 3
        assert not list((tmp_path / "cache").glob("*.tar")) + list((tmp_path / "cache").glob("*.partial"))


@pytest.mark.usefixtures("_hasty")
def test_shard_that_is_not_there_or_not_the_one_is_an_error(tmp_path: Path) -> None:
    with serving(tmp_path / "far") as (address, seen):
        (shard,) = far(tmp_path / "far", address, [3])
        cache = ShardCache(tmp_path / "cache", 10**9, retries=1)
        with pytest.raises(ShardError, match=r"none.tar: no such shard"):
            content(cache, Shard(f"{address}/none.tar", 1, 1))
        assert seen["/none.tar"] == 1
        with pytest.raises(ShardError, match="the index says 7"):
            content(cache, Shard(shard.url, 7, 3))


def test_shard_larger_than_the_cache_is_an_error_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("waits for room that will never be"))
    with serving(tmp_path / "far") as (address, _):
        (shard,) = far(tmp_path / "far", address, [3])
        with pytest.raises(ShardError, match="have no room"):
            content(ShardCache(tmp_path / "cache", shard.size - 1), shard)


def test_room_that_others_take_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(tmp_path / "far") as (address, _):
        (shard,) = far(tmp_path / "far", address, [3])
        (tmp_path / "cache").mkdir()
        (tmp_path / f"cache/{OTHER}.{shard.size}.partial").write_bytes(b"half")
        other = FileLock(tmp_path / f"cache/{OTHER}.lock")
        other.acquire()  # another process is at it
        monkeypatch.setattr(time, "sleep", lambda seconds: other.release())
        assert content(ShardCache(tmp_path / "cache", shard.size), shard)


@pytest.mark.usefixtures("_hasty")
def test_what_a_killed_process_left_half_fetched_is_removed(tmp_path: Path) -> None:
    with serving(tmp_path / "far") as (address, _):
        (shard,) = far(tmp_path / "far", address, [3])
        (tmp_path / "cache").mkdir()
        left = tmp_path / f"cache/{OTHER}.{shard.size}.partial"
        left.write_bytes(b"half")
        assert content(ShardCache(tmp_path / "cache", shard.size), shard)
        assert not left.exists()


def test_what_is_not_of_the_cache_is_not_counted_and_never_deleted(tmp_path: Path) -> None:
    with serving(tmp_path / "far") as (address, _):
        shards = far(tmp_path / "far", address, [2, 2])
        folder = tmp_path / "cache"
        folder.mkdir()
        names = [f"._{OTHER}.tar", "._x.tar", ".DS_Store", "train-000.tar", "._x.partial", "x.partial", "a.b.partial"]
        names += [f"._{OTHER}.7.partial", f"{OTHER}.tar.partial", f"{OTHER}.zip"]
        for name in names:
            (folder / name).write_bytes(bytes(shards[0].size))
        cache = ShardCache(folder, shards[0].size)  # room for one
        for shard in shards:
            assert content(cache, shard)
        assert {name: (folder / name).stat().st_size for name in names} == dict.fromkeys(names, shards[0].size)
        assert sum(re.fullmatch("[0-9a-f]{24}.tar", path.name) is not None for path in folder.iterdir()) == 1


def read_all(folder: Path, shards: list[Shard], turn: int, answers) -> None:
    cache = ShardCache(folder, 2 * max(shard.size for shard in shards))
    order = [(number * step + turn) % len(shards) for step in (1, 3, 5) for number in range(len(shards))]
    answers.put([len(content(cache, shards[number])) == shards[number].size for number in order])


@pytest.mark.slow
def test_processes_share_a_cache_smaller_than_the_data(tmp_path: Path) -> None:
    """Two processes read all shards again and again; the folder never holds more than it may."""
    with serving(tmp_path / "far") as (address, _):
        shards = far(tmp_path / "far", address, [1] * 8, padding=200_000)
        context = multiprocessing.get_context("fork")  # as the loader's workers are
        answers = context.Queue()
        processes = [context.Process(target=read_all, args=(tmp_path / "cache", shards, i, answers)) for i in (0, 3)]
        done, most = threading.Event(), [0]

        def watch() -> None:
            last = False
            while not last:
                last = done.is_set()  # one look more, at what is left
                sizes = []
                for path in [*(tmp_path / "cache").glob("*.tar"), *(tmp_path / "cache").glob("*.partial")]:
                    try:
                        sizes.append(path.stat().st_size)
                    except FileNotFoundError:
                        continue
                most[0] = max(most[0], sum(sizes))
                time.sleep(0.002)

        watcher = threading.Thread(target=watch)
        watcher.start()
        for process in processes:
            process.start()
        read = [answers.get(timeout=540) for _ in processes]
        for process in processes:
            process.join(timeout=540)
        done.set()
        watcher.join()
    assert all(all(one) and len(one) == 24 for one in read)
    # A shard that is renamed or removed between two looks may be counted twice.
    assert 0 < most[0] <= 3 * max(shard.size for shard in shards)
