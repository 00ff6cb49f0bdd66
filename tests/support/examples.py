"""Rows, records and samples with some of their facts or clips changed."""

from dataclasses import replace
from typing import Any, TypeVar

from veggie_pl.batch import Example, Sample
from veggie_pl.data.records import Record
from veggie_pl.data.table.schema import Row

T = TypeVar("T", Row, Record, Sample)


def changed(one: T, **changes: Any) -> T:
    """A copy; what is a fact of an example goes there."""
    facts = {name: changes.pop(name) for name in Example._fields if name in changes}
    return replace(one, example=one.example._replace(**facts), **changes)
