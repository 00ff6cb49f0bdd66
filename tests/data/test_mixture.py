from collections import Counter
from itertools import islice

import pytest
import torch

from veggie_pl.batch import Sample, Skill
from veggie_pl.data.allotment import BLOCK, Allotment, shuffled
from veggie_pl.data.mixture import BatchSampler, Mixture, Weighted
from veggie_pl.data.records import Record
from veggie_pl.data.streams import Stream


class Rows(Stream):
    """A stream of empty samples."""

    skills = frozenset(Skill)

    def __init__(self, name: str, length: int) -> None:
        super().__init__([])
        self.name, self.length = name, length

    def __len__(self) -> int:
        return self.length

    def sample(self, record: Record) -> Sample:
        raise NotImplementedError

    def __getitem__(self, index: int) -> Sample:
        clip = torch.zeros(1, 3, 2, 2)
        mask = torch.zeros(1, 2, 2, dtype=torch.bool)
        return Sample(clip, clip, mask, "x", Skill.REMOVAL, f"{self.name}/{index}")


def mixture(**weights: float) -> Mixture:
    return Mixture({name: Weighted(Rows(name, 10), float(weight)) for name, weight in weights.items()}, seed=3)


def test_shares_are_exact_over_a_block() -> None:
    counts = Counter(mixture(a=6, b=2, c=2).locate(i)[0] for i in range(BLOCK))
    assert counts["a"] == round(0.6 * BLOCK)
    assert abs(counts["b"] - 0.2 * BLOCK) <= 1
    assert abs(counts["c"] - 0.2 * BLOCK) <= 1


def test_shares_are_close_over_short_runs() -> None:
    counts = Counter(mixture(a=6, b=2, c=2).locate(i)[0] for i in range(500))
    assert abs(counts["a"] / 500 - 0.6) < 0.08


def test_a_small_share_is_never_lost() -> None:
    assert any(Allotment([1e6, 1.0], "k").which(i)[0] == 1 for i in range(BLOCK))


def test_zero_weight_is_never_chosen() -> None:
    assert all(Allotment([1.0, 0.0], "k").which(i)[0] == 0 for i in range(200))


@pytest.mark.parametrize("weights", [[], [0.0, 0.0], [1.0, -1.0], [float("nan")]])
def test_impossible_weights_are_errors(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="weights must be"):
        Allotment(weights, "k")


def test_sample_does_not_depend_on_what_came_before() -> None:
    first = mixture(a=1, b=1)
    order = [first.locate(i) for i in range(50)]
    second = mixture(a=1, b=1)
    assert [second.locate(i) for i in reversed(range(50))] == order[::-1]
    assert second.locate(10 * BLOCK + 7) == first.locate(10 * BLOCK + 7)


def test_occurrences_count_up_without_gaps() -> None:
    allotment = Allotment([3.0, 1.0], "k")
    seen: dict[int, list[int]] = {0: [], 1: []}
    for draw in range(2 * BLOCK):
        choice, occurrence = allotment.which(draw)
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
