import sys
from collections import Counter
from itertools import islice
from types import SimpleNamespace

import pytest
from support.mixtures import Rows, grouped, mixture
from support.parts import Holey, make_data

from veggie_pl.batch import Batch, MissingSample, Sample
from veggie_pl.data.benchmark import ListedBenchmark
from veggie_pl.data.mixture import BatchSampler, Mixture, Weighted, read_sample
from veggie_pl.data.proportions import BLOCK, Proportions, shuffled
from veggie_pl.data.shapes import ShapesRecords
from veggie_pl.data.streams import EditingStream, GroundingStream


def test_shares_are_exact_over_a_block() -> None:
    mixed = mixture(a=6, b=2, c=2)
    counts = Counter(mixed.locate(i)[0] for i in range(BLOCK))
    assert counts["a"] == round(0.6 * BLOCK)
    assert abs(counts["b"] - 0.2 * BLOCK) <= 1
    assert abs(counts["c"] - 0.2 * BLOCK) <= 1


def test_shares_are_close_over_short_runs() -> None:
    mixed = mixture(a=6, b=2, c=2)
    counts = Counter(mixed.locate(i)[0] for i in range(500))
    assert abs(counts["a"] / 500 - 0.6) < 0.08


def test_a_small_share_is_never_lost() -> None:
    assert any(Proportions([1e6, 1.0], "k").which(i)[0] == 1 for i in range(BLOCK))


def test_zero_weight_is_never_chosen() -> None:
    assert all(Proportions([1.0, 0.0], "k").which(i)[0] == 0 for i in range(200))


@pytest.mark.parametrize("weights", [[], [0.0, 0.0], [1.0, -1.0], [float("nan")]])
def test_impossible_weights_are_errors(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="weights must be"):
        Proportions(weights, "k")


def test_sample_does_not_depend_on_what_came_before() -> None:
    first = mixture(a=1, b=1)
    order = [first.locate(i) for i in range(50)]
    second = mixture(a=1, b=1)
    assert [second.locate(i) for i in reversed(range(50))] == order[::-1]
    assert second.locate(10 * BLOCK + 7) == first.locate(10 * BLOCK + 7)


def test_occurrences_count_up_without_gaps() -> None:
    proportions = Proportions([3.0, 1.0], "k")
    seen: dict[int, list[int]] = {0: [], 1: []}
    for draw in range(2 * BLOCK):
        choice, occurrence = proportions.which(draw)
        seen[choice].append(occurrence)
    for occurrences in seen.values():
        assert occurrences == list(range(len(occurrences)))


def test_each_epoch_reads_every_row_once_in_a_new_order() -> None:
    mixed = mixture(a=1)
    epochs = [[mixed.locate(e * 10 + i)[1] for i in range(10)] for e in range(4)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 4


@pytest.mark.parametrize("length", [1, 2, 3, 17, 64, 1000])
def test_shuffled_is_a_permutation(length: int) -> None:
    assert sorted(shuffled(i, length, "k") for i in range(length)) == list(range(length))


def test_shuffled_mixes_long_tables() -> None:
    rows = [shuffled(i, 10**6, "k") for i in range(2000)]
    low = sum(row < 5 * 10**5 for row in rows)
    assert 900 < low < 1100
    assert len(set(rows)) == 2000


def test_another_seed_is_another_order() -> None:
    streams = {"a": Weighted(Rows("a", 1000), 1.0)}
    orders = [[Mixture(streams, seed).locate(i)[1] for i in range(20)] for seed in (0, 1)]
    assert orders[0] != orders[1]


def test_ranks_share_each_global_batch() -> None:
    whole = list(islice(BatchSampler(lambda: 8, 4), 3))
    parts = [list(islice(BatchSampler(lambda: 8, 2, rank, 2), 3)) for rank in range(2)]
    assert [parts[0][k] + parts[1][k] for k in range(3)] == whole
    assert whole[0][0] == 8


def test_empty_stream_is_an_error() -> None:
    with pytest.raises(ValueError, match="empty"):
        Mixture({"empty": Weighted(Rows("empty", 0), 1.0)})


class Shaped(Rows):
    """Rows of a named shape."""

    def __init__(self, name: str, shape: str) -> None:
        super().__init__(name, 10)
        self.shape = shape

    @property
    def bucket(self) -> str:
        return self.shape


def test_streams_of_different_shape_take_turns_in_whole_blocks() -> None:
    shapes = {"a": "image", "b": "clip", "c": "image", "none": "huge"}
    weights = {"a": 3.0, "b": 2.0, "c": 1.0, "none": 0.0}
    mixed = Mixture({name: Weighted(Shaped(name, shapes[name]), weights[name]) for name in shapes}, seed=3, block=8)
    found = [mixed.locate(i)[0] for i in range(8 * 3000)]
    for start in range(0, len(found), 8):
        assert len({shapes[name] for name in found[start : start + 8]}) == 1
    counts = Counter(found)
    assert [counts[name] / len(found) for name in "abc"] == pytest.approx([3 / 6, 2 / 6, 1 / 6], abs=0.02)
    assert counts["none"] == 0
    for name in "abc":  # epochs of a stream are whole, whatever the others do
        rows = [mixed.locate(i)[1] for i in range(2000) if found[i] == name]
        assert sorted(rows[:10]) == list(range(10))


def test_order_without_groups_is_what_it_always_was() -> None:
    """Resuming old runs depends on these numbers."""
    shapes = {"a": "image", "b": "clip", "c": "image"}
    weights = {"a": 3.0, "b": 2.0, "c": 1.0}
    mixed = Mixture({name: Weighted(Shaped(name, shapes[name]), weights[name]) for name in shapes}, seed=3, block=4)
    rows = "a0 c3 c5 a8 a2 c9 a9 a1 c0 a7 c2 a6 b5 b0 b7 b1 a5 a3 a4 a2 a5 b6 a5"
    places = [*range(20), 100, 5000, 3_000_000]
    assert " ".join(f"{name}{row}" for name, row in map(mixed.locate, places)) == rows
    plain = Mixture({name: Weighted(Shaped(name, ""), weights[name]) for name in shapes}, seed=3)
    rows = "b5 c3 c5 a0 a8 b0 a2 a9 b7 b1 c9 b6 b3 b3"
    places = [*range(12), 4096, 3_000_000]
    assert " ".join(f"{name}{row}" for name, row in map(plain.locate, places)) == rows


def test_groups_take_turns_in_whole_blocks_and_keep_their_shares() -> None:
    mixed = grouped(skills={"removal": 2.0, "addition": 1.0}, bad=5)
    groups = {
        (group.stream, row): group.bucket for group in mixed.groups if group.stream != "plain" for row in group.rows
    }
    found = [mixed.locate(i) for i in range(8 * 1000)]
    for start in range(0, len(found), 8):
        assert len({groups.get(place, "plain") for place in found[start : start + 8]}) == 1
    skills = Counter(str(mixed.streams["s"].stream[row].example.skill) for name, row in found if name == "s")
    assert skills["removal"] / len(found) == pytest.approx(2 / 4.5, abs=0.02)
    assert skills["addition"] / len(found) == pytest.approx(1 / 4.5, abs=0.02)
    assert all(row >= 5 for name, row in found if name == "s")  # what is in no group never comes


def test_each_epoch_of_a_group_reads_its_rows_once() -> None:
    mixed = grouped()
    rows = mixed.streams["s"].stream.records.rows["2x8x8", "removal"]
    own = set(rows.tolist())
    seen = [row for name, row in map(mixed.locate, range(8 * 2000)) if name == "s" and row in own]
    epochs = [tuple(seen[start : start + 10]) for start in range(0, 50, 10)]
    assert all(set(epoch) == own for epoch in epochs)
    assert len(set(epochs)) == 5


def test_batches_of_groups_have_one_shape() -> None:
    mixed = grouped()
    for batch in islice(BatchSampler(lambda: 0, 4), 30):
        assert len({mixed[index][1].source.shape for index in batch if mixed.locate(index)[0] != "plain"}) <= 1


@pytest.mark.parametrize("samples", [0, 1, 7, 8, 4095, 9_001])
def test_counts_are_those_of_drawing_one_by_one(samples: int) -> None:
    mixed = grouped()
    drawn = Counter()
    owner = {
        (group.stream, row): group.name for group in mixed.groups for row in ([] if group.rows is None else group.rows)
    }
    for name, row in map(mixed.locate, range(samples)):
        drawn[owner.get((name, row), name)] += 1
    assert dict(zip([group.name for group in mixed.groups], mixed.counts(samples).tolist(), strict=True)) == {
        group.name: drawn[group.name] for group in mixed.groups
    }


def test_shares_sum_to_one_and_zero_weight_is_none() -> None:
    found = grouped().proportions()
    assert found.sum() == pytest.approx(1)
    assert (found > 0).all()
    assert mixture(a=1, b=0).proportions().tolist() == [1, 0]


def test_fingerprint_tells_mixtures_apart() -> None:
    others = [grouped(4), grouped(bad=1), grouped(skills={"removal": 2.0, "addition": 1.0}), mixture(a=1), mixture(b=1)]
    others += [mixture(a=1, b=1), mixture(a=2, b=1), Mixture({"a": Weighted(Rows("a", 11))}, 3)]
    prints = [other.fingerprint() for other in [grouped(), *others]]
    assert len(set(prints)) == len(prints)
    assert all(0 <= one < 2**63 for one in prints)
    assert grouped().fingerprint() == prints[0]
    assert mixture(a=2, b=1).fingerprint() == mixture(a=4, b=2).fingerprint()  # the order is the same


def test_more_lines_than_can_be_dealt_to_are_an_error() -> None:
    with pytest.raises(ValueError, match="at most 4096"):
        Proportions([1.0] * 4097, "k")


def test_far_ahead_is_no_slower() -> None:
    def calls(index: int) -> int:
        """Functions, Python's and C's, that finding a sample takes."""
        mixed, count = grouped(), [0]

        def count_call(frame: object, event: str, arg: object) -> None:
            count[0] += event in ("call", "c_call")

        sys.setprofile(count_call)
        try:
            mixed.locate(index)
        finally:
            sys.setprofile(None)
        return count[0]

    assert calls(3_000_000) < 3 * calls(3_000)  # going there one by one would be 1,000 times as many


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
