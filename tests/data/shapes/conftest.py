"""Types are checked while tests run, and the checker wants protocols that it can ask at run time."""

from typing import runtime_checkable

from veggie_pl.data.records import Records

runtime_checkable(Records)
