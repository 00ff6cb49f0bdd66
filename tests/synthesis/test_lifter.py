"""One item after another: nothing that is known is made again, and items fail alone."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from support.lifting import calls, pictures, rolled, task_of, write_stills

from veggie_pl.synthesis.lifter import Lifter
from veggie_pl.synthesis.outcome import Outcome
from veggie_pl.synthesis.store import StoreError
from veggie_pl.video.mp4 import decode_mp4

STEPS = ["Words", "Pan", "Follow", "Change"]


def lift(lifter: Lifter, number: int) -> Outcome:
    outcome = lifter.lift(number)
    assert outcome is not None
    return outcome


def test_item_is_kept_with_its_clips_and_facts(tmp_path: Path) -> None:
    table = write_stills(tmp_path / "data", 2)
    lifter = Lifter(task_of(tmp_path, table, lossless=True))
    outcome = lift(lifter, 1)
    assert (outcome.state, outcome.key, outcome.shape, outcome.fps) == ("kept", "stills/train/1", (3, 32, 32), 8.0)
    assert outcome.values["change"] > 0.5
    assert math.isnan(outcome.values["nothing"])
    assert set(outcome.seconds) == {"read", "describe", "animate", "propagate", "assess", "write"}
    shift = 1 + outcome.facts["seeds"]["animate"] % 5
    for file, picture in zip(("source.mp4", "target.mp4"), pictures(1), strict=True):
        data = lifter.store.read("pair", outcome.pair, file)
        assert data is not None
        np.testing.assert_array_equal(decode_mp4(data), rolled(picture, shift, 3))
    assert lift(lifter, 0).rejected == ("change",)


def test_second_run_calls_no_step(tmp_path: Path) -> None:
    table, log = write_stills(tmp_path / "data", 2), tmp_path / "log"
    task = task_of(tmp_path, table, log=log)
    first = [lift(Lifter(task), number) for number in range(2)]
    assert calls(log) == STEPS * 2
    again = [lift(Lifter(task), number) for number in range(2)]
    assert calls(log) == []
    assert [json.dumps(one.plain()) for one in again] == [json.dumps(one.plain()) for one in first]


@pytest.mark.parametrize(
    ("change", "made"),
    [({"least": 200.0}, ["Change"]), ({"num_frames": 4}, ["Pan", "Follow", "Change"]), ({"lossless": True}, [])],
)
def test_changed_setting_makes_what_depends_on_it_and_nothing_else(
    tmp_path: Path, change: dict[str, float], made: list[str]
) -> None:
    table, log = write_stills(tmp_path / "data", 2), tmp_path / "log"
    lift(Lifter(task_of(tmp_path, table, log=log)), 1)
    calls(log)
    lift(Lifter(task_of(tmp_path, table, log=log, **change)), 1)
    assert calls(log) == made


def test_new_bounds_need_no_new_measurement(tmp_path: Path) -> None:
    table, log = write_stills(tmp_path / "data", 2), tmp_path / "log"
    kept = lift(Lifter(task_of(tmp_path, table, log=log, assess="MeasuredChange")), 1)
    calls(log)
    stricter = lift(Lifter(task_of(tmp_path, table, log=log, assess="MeasuredChange", least=200.0)), 1)
    assert calls(log) == []
    assert (kept.state, stricter.state, stricter.rejected) == ("kept", "rejected", ("change",))
    assert stricter.values["change"] == kept.values["change"]


def test_judge_that_did_not_answer_is_asked_again(tmp_path: Path) -> None:
    table, log = write_stills(tmp_path / "data", 2), tmp_path / "log"
    for made in ([*STEPS[:3], "Unsure"], ["Unsure"]):
        assert lift(Lifter(task_of(tmp_path, table, log=log, assess="Unsure")), 1).state == "kept"
        assert calls(log) == made


def test_another_seed_is_another_clip(tmp_path: Path) -> None:
    table = write_stills(tmp_path / "data", 2)
    pairs = {lift(Lifter(task_of(tmp_path, table, seed=seed)), 1).pair for seed in range(3)}
    assert len(pairs) > 1


def test_steps_that_are_not_stored_are_made_again_alike(tmp_path: Path) -> None:
    table, log = write_stills(tmp_path / "data", 2), tmp_path / "log"
    kept = lift(Lifter(task_of(tmp_path, table, log=log, stored=False)), 1)
    assert calls(log) == STEPS
    assert {path.name for path in (tmp_path / "store").iterdir() if path.is_dir()} == {"item", "pair"}
    other = lift(Lifter(task_of(tmp_path, table, log=log, stored=False, least=0.1)), 1)
    assert calls(log) == STEPS
    assert other.pair == kept.pair


def test_steps_up_to_one_are_done_and_gone_on_from(tmp_path: Path) -> None:
    table, log = write_stills(tmp_path / "data", 2), tmp_path / "log"
    lifter = Lifter(task_of(tmp_path, table, log=log))
    for until, made in (("describe", ["Words"]), ("animate", ["Pan"]), ("propagate", ["Follow"])):
        assert lifter.lift(1, until) is None  # type: ignore[arg-type]
        assert calls(log) == made
    assert lift(lifter, 1).known == ("describe", "animate", "propagate")
    assert calls(log) == ["Change"]


def test_damaged_frames_are_made_again(tmp_path: Path) -> None:
    table, log = write_stills(tmp_path / "data", 2), tmp_path / "log"
    whole = lift(Lifter(task_of(tmp_path, table, log=log)), 1)
    calls(log)
    [path] = (tmp_path / "store/animate").rglob("*.frames.mp4")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(bytes(data))
    changed = lift(Lifter(task_of(tmp_path, table, log=log, least=0.1)), 1)
    assert calls(log) == ["Pan", "Change"]
    assert changed.pair == whole.pair


def test_items_fail_alone_with_step_and_reason(tmp_path: Path) -> None:
    asked = {1: "impossible", 2: "huge", 3: " "}
    table = write_stills(tmp_path / "data", 7, asked=asked)
    (tmp_path / "data/4_source.png").write_bytes(b"no picture")
    lifter = Lifter(task_of(tmp_path, table))
    ends = [lift(lifter, number) for number in range(7)]
    assert [one.state for one in ends] == ["rejected", "failed", "failed", "failed", "failed", "rejected", "kept"]
    said = [(one.step, one.reason) for one in ends[1:4]]
    assert said[0] == ("animate", "the picture cannot move")
    assert said[1][0] == "animate"
    assert "MemoryError" in said[1][1]
    assert said[2] == ("read", "the instruction is empty")
    assert "4_source.png" in ends[4].reason
    assert lifter.known(1) is None  # tried again next time


def test_store_that_cannot_be_written_is_nobodys_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lifter = Lifter(task_of(tmp_path, write_stills(tmp_path / "data", 2)))

    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StoreError, match="no space left"):
        lifter.lift(1)


def test_outcome_travels_as_text(tmp_path: Path) -> None:
    lifter = Lifter(task_of(tmp_path, write_stills(tmp_path / "data", 2)))
    for number in range(2):
        outcome = lift(lifter, number)
        again = Outcome.unpacked(outcome.packed())
        assert again.packed() == outcome.packed()
        assert repr(again.values) == repr(outcome.values)  # NaN is not equal to itself, its text is
        assert (again.number, again.shape, again.rejected) == (outcome.number, outcome.shape, outcome.rejected)
