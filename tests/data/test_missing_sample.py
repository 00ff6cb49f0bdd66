import dataclasses
from types import SimpleNamespace

import pytest
import torch
from support.parts import Holey, make_batch, make_data

from veggie_pl.batch import Batch, MissingSample, Sample, collate
from veggie_pl.data.benchmark import ListedBenchmark
from veggie_pl.data.mixture import read_sample
from veggie_pl.data.shapes import ShapesRecords
from veggie_pl.data.streams import EditingStream, GroundingStream

MISSING = MissingSample("clips", 7, "a/b", "cut off", "2x16x16")


def good(count: int = 2) -> list[tuple[int, Sample]]:
    stream = EditingStream(ShapesRecords("train", num_frames=2, size=16, skills={"removal": 1.0}))
    return [(i, stream[i]) for i in range(count)]


def test_only_a_bad_record_leaves_a_missing_sample() -> None:
    stream = GroundingStream(Holey(ShapesRecords("train", num_frames=2, size=16, skills={"grounding": 1.0}), 0.5))
    found = [read_sample(stream, row, "pointing") for row in range(12)]
    missing = [one for one in found if isinstance(one, MissingSample)]
    assert 0 < len(missing) < 12
    for row, one in enumerate(found):
        if isinstance(one, MissingSample):
            assert one == ("pointing", row, f"bad/{row}", "the file is empty", "2x16x16")
    wrong = EditingStream(stream.records)  # a mistake of the config, not of the data
    row = next(row for row, one in enumerate(found) if not isinstance(one, MissingSample))
    with pytest.raises(ValueError, match="takes addition"):
        read_sample(wrong, row, "pointing")


def test_a_missing_sample_is_gray_in_the_shape_of_the_others() -> None:
    batch = collate([good()[0], (5, MISSING), good()[1]])
    assert batch.is_missing.tolist() == [False, True, False]
    assert batch.missing == [None, MISSING, None]
    assert batch.good == [0, 2]
    assert batch.missing_samples == [(5, MISSING)]
    assert batch.key[1] == "a/b"
    assert batch.source.shape == (3, 2, 3, 16, 16)
    assert not batch.source[1].any()
    assert not batch.target[1].any()
    assert not batch.mask[1].any()


def test_the_others_are_as_without_it() -> None:
    alone, beside = collate(good()), collate([good()[0], (5, MISSING), good()[1]]).rows([0, 2])
    for name in (one.name for one in dataclasses.fields(Batch)):
        value, expected = getattr(beside, name), getattr(alone, name)
        assert torch.equal(value, expected) if isinstance(value, torch.Tensor) else value == expected, name


def test_nothing_but_missing_samples_has_the_shape_of_the_bucket() -> None:
    batch = collate([(3, MISSING), (4, MISSING._replace(bucket="", row=8))])
    assert batch.source.shape == (2, 2, 3, 16, 16)
    assert batch.good == []
    assert batch.missing_samples[1][1].row == 8


@pytest.mark.parametrize("bucket", ["", "8x64", "clips", "2x16x16x3"])
def test_nothing_but_missing_samples_of_unknown_shape_is_an_error(bucket: str) -> None:
    with pytest.raises(ValueError, match=r"a/b: cut off.*'clips' does not tell the shape"):
        collate([(3, MISSING._replace(bucket=bucket))])


def test_a_batch_made_without_missing_samples_has_none() -> None:
    batch = make_batch(3, 1)
    assert batch.missing == [None] * 3
    assert not batch.is_missing.any()


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_mixture_keeps_its_order_around_missing_samples(workers: int) -> None:
    whole, holey = make_data().mixture, make_data(bad=0.3, num_workers=workers)
    loop = SimpleNamespace(
        epoch_loop=SimpleNamespace(batch_progress=SimpleNamespace(total=SimpleNamespace(processed=0)))
    )
    holey.trainer = SimpleNamespace(global_rank=0, world_size=1, fit_loop=loop)
    batches = [batch for _, batch in zip(range(5), holey.train_dataloader(), strict=False)]
    keys, missing = (
        [key for batch in batches for key in batch.key],
        [one for batch in batches for one in batch.missing_samples],
    )
    assert len(missing) in range(2, 12)
    bad = {index for index, _ in missing}
    for index, one in missing:
        assert (one.stream, one.row) == whole.locate(index)
    for index, key in enumerate(keys):
        assert key == (f"bad/{whole.locate(index)[1]}" if index in bad else whole[index][1].example.key)


def test_held_out_missing_samples_bear_the_name_of_their_set() -> None:
    stream = GroundingStream(Holey(ShapesRecords("val", num_frames=1, size=16, skills={"grounding": 1.0}), 1.0))
    data = make_data(num_val=3)
    data.val = ListedBenchmark({"pointing": stream})
    batch: Batch = next(iter(data.val_dataloader()[0]))
    assert [one.stream for _, one in batch.missing_samples] == ["val/pointing"] * 3


def test_sample_knows_where_it_was_drawn_from() -> None:
    data = make_data(num_val=2)
    for index in range(20):
        _, sample = data.mixture[index]
        assert isinstance(sample, Sample)
        assert (sample.example.stream, sample.example.row) == data.mixture.locate(index)
    for loader, name in zip(data.val_dataloader(), data.val.streams(), strict=True):
        (batch,) = loader
        assert (batch.stream, batch.row) == ([f"val/{name}"] * 2, [0, 1])
