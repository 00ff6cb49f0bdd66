import itertools
from pathlib import Path

import pytest
import torch
import webdataset
from support.parts import fake_trainer
from support.tars import png, serving, write_shards

from veggie_pl.batch import Skill
from veggie_pl.data.datamodule import VeggieDataModule
from veggie_pl.data.mixture import Mixture, Weighted
from veggie_pl.data.records import BadRecordError, Records
from veggie_pl.data.shards import ShardRecords, make_index
from veggie_pl.data.shards import cache as caching
from veggie_pl.data.streams import GroundingStream

SIZES = [5, 1, 7, 0, 3, 4]


@pytest.fixture
def index(tmp_path: Path) -> str:
    make_index(write_shards(tmp_path / "shards", SIZES), tmp_path / "shards/index.json")
    return str(tmp_path / "shards/index.json")


def records(index: str, **options: object) -> ShardRecords:
    return ShardRecords(index, str(Path(index).parent.parent / "cache"), size=(16, 16), **options)


def number(source: torch.Tensor) -> int:
    red, green, _ = ((source[0, :, 0, 0] + 1) * 127.5).round().int().tolist()
    return red + 256 * green


def test_every_row_is_the_sample_it_says(index: str) -> None:
    found = records(index)
    corner = torch.zeros(1, 16, 16, dtype=torch.bool)
    corner[:, :4, :8] = True
    assert isinstance(found, Records)
    assert len(found) == sum(SIZES)
    assert found.bucket == "1x16x16"
    for row in range(len(found)):
        record = found[row]
        assert number(record.source) == row
        assert record.example.key.endswith(f"/{row:05d}")
        assert (record.example.skill, record.example.instruction, record.example.fill) == (
            Skill.GROUNDING,
            f"highlight thing {row}",
            "red",
        )
        assert isinstance(record.mask, torch.Tensor)
        assert torch.equal(record.mask, corner)
    for row in (-1, len(found)):
        with pytest.raises(IndexError):
            found[row]


@pytest.mark.parametrize("window", [1, 2, 3, 99])
def test_each_epoch_is_a_permutation_that_stays_within_a_window(index: str, window: int) -> None:
    found = records(index, window=window)
    epochs = [[found.order(epoch * 20 + place, "k") for place in range(20)] for epoch in range(3)]
    assert all(sorted(epoch) == list(range(20)) for epoch in epochs)
    assert len(set(map(tuple, epochs))) == 3
    starts = list(itertools.accumulate([size for size in SIZES if size], initial=0))
    for epoch in epochs:
        owners = [max(i for i, start in enumerate(starts) if start <= row) for row in epoch]
        last = {owner: place for place, owner in enumerate(owners)}
        first = {owner: owners.index(owner) for owner in last}
        for place in range(20):
            assert sum(first[owner] <= place <= last[owner] for owner in last) <= window
    again = records(index, window=window)
    assert [again.order(place, "k") for place in reversed(range(60))] == [row for epoch in epochs for row in epoch][
        ::-1
    ]
    assert [again.order(place, "other") for place in range(20)] != epochs[0]


def test_mixture_reads_shards_in_their_own_order(index: str) -> None:
    own = records(index, window=2)
    mixed = Mixture({"far": Weighted(GroundingStream(own), 1.0)}, seed=3)
    assert [mixed.locate(i)[1] for i in range(45)] == [own.order(i, 3, "far") for i in range(45)]
    assert number(mixed[7][1].source) == mixed.locate(7)[1]
    other = Mixture({"far": Weighted(GroundingStream(records(index, window=3)), 1.0)}, seed=3)
    assert mixed.fingerprint() != other.fingerprint()


@pytest.mark.slow
def test_loader_with_workers_reads_far_shards_through_a_small_cache(index: str, tmp_path: Path) -> None:
    folder = Path(index).parent
    with serving(folder) as (address, seen):
        most = max(path.stat().st_size for path in folder.glob("*.tar"))
        far = records(f"{address}/index.json", window=2, max_cache_bytes=2 * most)
        far.cache.folder = tmp_path / "small"
        data = VeggieDataModule({"far": Weighted(GroundingStream(far), 1.0)}, batch_size=4, num_workers=2)
        data.trainer = fake_trainer()
        batches = list(itertools.islice(data.train_dataloader(), 10))
        found = [number(source) for batch in batches for source in batch.source]
        assert found == [data.mixture.locate(i)[1] for i in range(40)]
        assert sum(path.stat().st_size for path in (tmp_path / "small").glob("*.tar")) <= 2 * most
        assert sum(seen.values()) > 5  # more than one epoch did not fit


def test_shard_that_cannot_be_fetched_makes_its_samples_bad(
    index: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caching, "PAUSE", 0.01)
    with serving(Path(index).parent, failures=2) as (address, seen):
        seen["/index.json"] = 9
        far = ShardRecords(f"{address}/index.json", str(tmp_path / "far"), size=(16, 16), retries=1)
        with pytest.raises(BadRecordError, match=r"part-00/0: .*could not be fetched in 2 tries"):
            far[0]


@pytest.mark.parametrize(
    ("sample", "reason"),
    [
        ({"mask.png": b"x"}, "no member 'source'"),
        ({"source.png": b"\x89PNG\r\n\x1a\n broken", "mask.png": b"x"}, "0.source.png"),
        ({"source.png": None}, "it has no mask"),
        ({"source.png": None, "json": b"{"}, "Expecting property name"),
        ({"source.png": None, "json": b'{"skill": "juggling"}'}, "juggling"),
    ],
)
def test_bad_sample_is_a_bad_record(tmp_path: Path, sample: dict[str, bytes | None], reason: str) -> None:
    path = tmp_path / "a.tar"
    with webdataset.TarWriter(str(path)) as writer:
        own = {name: png(1) if data is None else data for name, data in sample.items()}
        skill = {} if "json" in own else {"skill": b"grounding"}
        writer.write({"__key__": "0", **skill, **own})
    make_index([str(path)], tmp_path / "index.json")
    with pytest.raises(BadRecordError, match=f"a/0: .*{reason}"):
        ShardRecords(str(tmp_path / "index.json"), str(tmp_path / "cache"))[0]


def test_columns_and_skill_may_be_set(tmp_path: Path) -> None:
    with webdataset.TarWriter(str(tmp_path / "a.tar")) as writer:
        writer.write({"__key__": "0", "in.png": png(3), "out.png": png(4), "json": {"ask": "make it 4"}})
    make_index([str(tmp_path / "a.tar")], tmp_path / "index.json")
    columns = {"source": "in", "target": "out.png", "instruction": "json.ask"}
    record = ShardRecords(str(tmp_path / "index.json"), "cache", Skill.CHANGING, columns=columns)[0]
    assert record.target is not None
    assert (number(record.source), number(record.target)) == (3, 4)
    assert (record.example.skill, record.example.instruction, record.mask) == (Skill.CHANGING, "make it 4", None)


def test_impossible_settings_are_errors(index: str) -> None:
    with pytest.raises(ValueError, match=r"unknown columns \['video'\]; the choices are source, target"):
        records(index, columns={"video": "mp4"})
    with pytest.raises(ValueError, match="window and num_frames"):
        records(index, window=0)
    with (
        serving(Path(index).parent) as (address, _),
        pytest.raises(ValueError, match=r"a window of 2 shards is up to .* set a larger one or a smaller window"),
    ):
        ShardRecords(f"{address}/index.json", "cache", window=2, max_cache_bytes=10_000)
