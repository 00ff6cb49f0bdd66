import dataclasses

import pytest

from veggie_pl.training.record import TrainingRecord, describe, read_record

RECORD = TrainingRecord("stage2", 3000, 4, 16, 12000, "2026-11-24 14:03 UTC")


def test_record_is_one_line() -> None:
    assert str(RECORD) == "stage2, 4 of 3,000 steps, 16 of 12,000 samples, 2026-11-24 14:03 UTC"
    unknown = TrainingRecord(None, None, 1500, None, None, "date unknown")
    assert str(unknown) == "no recipe, 1,500 steps, samples unknown, date unknown"
    assert describe(None) == "no record of its steps"


@pytest.mark.parametrize(("steps", "planned", "whole"), [(4, 3000, False), (3000, 3000, True), (3001, 3000, True)])
def test_record_is_whole_from_the_steps_of_its_recipe_on(steps: int, planned: int, whole: bool) -> None:
    assert dataclasses.replace(RECORD, steps=steps, recipe_steps=planned).is_whole == whole


def test_record_without_a_recipe_is_never_whole() -> None:
    assert not dataclasses.replace(RECORD, recipe_steps=None, steps=10**9).is_whole


def test_record_is_read_back_or_not_at_all() -> None:
    kept = RECORD.as_json()
    assert read_record(kept) == RECORD
    broken = [None, [], {}, {**kept, "more": 1}, {**kept, "steps": "4"}, {**kept, "steps": -1}, {**kept, "date": 3}]
    assert [read_record(one) for one in broken] == [None] * len(broken)
    assert read_record({**kept, "recipe": None, "recipe_steps": None, "samples": None}) is not None
