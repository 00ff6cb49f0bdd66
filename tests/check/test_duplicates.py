import numpy as np

from veggie_pl.check.duplicates import Hashed, duplicates, leaks, lookalikes
from veggie_pl.data.table.quarantine import Fault


def table(split: str, source: list[int], example: list[int] | None = None, look: list[int] | None = None) -> Hashed:
    columns = [np.array(one, np.uint64) for one in (source, example or source, look or source)]
    return Hashed(f"some/{split}", split, lambda row: f"{split}/{row}", *columns)


def test_later_rows_that_equal_an_earlier_one() -> None:
    found = duplicates(table("train", [1, 1, 1, 0, 0], example=[5, 7, 5, 0, 0]))
    assert found == [Fault(2, "train/2", "is the same as train/0")]


def test_training_gives_way_to_validation_and_both_to_test() -> None:
    tables = [table("train", [9, 1, 2, 3, 0, 1]), table("val", [3, 2, 4]), table("test", [0, 1, 2])]
    train, val, test = leaks(tables)
    assert train == [
        Fault(2, "train/2", "its source is also in some/val (val/1)"),
        Fault(3, "train/3", "its source is also in some/val (val/0)"),
        Fault(1, "train/1", "its source is also in some/test (test/1)"),
        Fault(5, "train/5", "its source is also in some/test (test/1)"),
    ]
    assert val == [Fault(1, "val/1", "its source is also in some/test (test/2)")]
    assert test == []


def test_tables_without_rows_leak_nothing() -> None:
    tables = [table("train", []), table("test", []), table("train", [1, 2])]
    assert leaks(tables) == lookalikes(tables, 4) == [[], [], []]


def test_two_tables_of_one_split_share_sources() -> None:
    assert leaks([table("train", [1]), table("train", [1])]) == [[], []]


def test_lookalikes_by_number_of_bits() -> None:
    held = 0b1111_0000_1111_0000
    tables = [table("train", [held ^ 0b111, held ^ 0b1, 0, 2**63]), table("test", [0, held])]
    assert [fault.row for fault in lookalikes(tables, 2)[0]] == [1]
    assert [fault.row for fault in lookalikes(tables, 3)[0]] == [0, 1]
    assert lookalikes(tables, 3)[0][0].reason == "its source looks like one of some/test (test/1)"
