"""Several processes give what one gives; those that die lose no more than the items in flight."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.lifting import calls, task_of, write_stills

from veggie_pl.synthesis.lifter import Lifter
from veggie_pl.synthesis.outcome import Outcome
from veggie_pl.synthesis.run import TRIES, lift_here, lift_in_processes


def ended(outcomes: Iterator[Outcome]) -> dict[int, tuple[str, str, str]]:
    return {one.number: (one.state, one.pair, one.reason) for one in outcomes}


@pytest.mark.slow
def test_processes_that_die_are_replaced_and_their_items_tried_again(tmp_path: Path) -> None:
    table, log = write_stills(tmp_path / "data", 24, asked={7: "deadly", 9: "impossible"}), tmp_path / "log"
    kind = {7: ("failed", "", f"the process that worked on it died, {TRIES} times")}
    numbers = range(24)
    alone = Lifter(task_of(tmp_path / "alone", table))
    expected = ended(lift_here(alone, [number for number in numbers if number != 7])) | kind
    task = task_of(tmp_path / "many", table, log=log)
    found = ended(lift_in_processes(task, Lifter(task), numbers, 2))
    assert found == expected
    assert calls(log).count("Pan") >= 24
    again = ended(lift_in_processes(task, Lifter(task), [number for number in numbers if number not in (7, 9)], 2))
    assert again == {number: end for number, end in expected.items() if number not in (7, 9)}
    assert calls(log) == []  # what is known needs no process


def test_killed_worker_loses_no_item(tmp_path: Path) -> None:
    table = write_stills(tmp_path / "data", 12)
    alone = Lifter(task_of(tmp_path / "alone", table))
    expected = ended(lift_here(alone, range(12)))
    task = task_of(tmp_path / "many", table)
    killed = 0
    found = {}
    lifting = lift_in_processes(task, Lifter(task), range(12), 1)
    for outcome in lifting:
        found |= ended(iter([outcome]))
        if len(found) in (2, 6) and (worker := newest(os.getpid())):
            os.kill(worker, signal.SIGKILL)
            killed += 1
    assert killed == 2
    assert found == expected


def newest(pid: int) -> int | None:
    """The youngest process that descends from this one."""
    found = descendants(pid)
    return max(found, key=started) if found else None


def descendants(pid: int) -> list[int]:
    own = [int(one) for task in Path(f"/proc/{pid}/task").glob("*/children") for one in task.read_text().split()]
    return [*own, *(deeper for child in own for deeper in descendants(child))]


def started(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except OSError:
        return 0
