"""Where nobody watches, progress is plain lines."""

import io
import logging
import re
import sys
import time

import pytest

from veggie_pl.progress import Pace, progress, spoken


def test_lines_say_how_much_of_how_much_and_the_time_left(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), progress(seconds=0) as tell:
        tell("checking", 1, 4)
        tell("checking", 4, 4)
        tell("editing", 0.5, 1)
        tell("parts", 3, None)
    said = [record.getMessage() for record in caplog.records]
    for number in (0, 2):  # how much of it a busy machine may decide
        said[number] = re.sub(r"\d+:\d\d:\d\d", "TIME", said[number])
    assert said == [
        "checking: 1/4 (25%), TIME left",
        "checking: 4/4 (100%), 0:00:00 left",
        "editing: 50%, TIME left",
        "parts: 3",
    ]


def test_what_is_quick_leaves_no_line(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    with caplog.at_level(logging.INFO), progress(seconds=1e9) as tell:
        for done in range(1, 101):
            tell("checking", done, 100)
    assert not caplog.records
    assert capfd.readouterr() == ("", "")


def test_a_terminal_has_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", screen := Terminal())
    monkeypatch.setenv("TERM", "xterm")
    with progress() as tell:
        tell("checking", 1, 4)
    assert "checking" in screen.getvalue()
    assert "\x1b[" in screen.getvalue()


def test_time_left_follows_the_pace_so_far() -> None:
    started = time.monotonic()
    pace = Pace(1e9)
    pace.began -= 30
    assert "0:01:00" <= pace.left(1, 3) <= spoken(60 + 2 * (time.monotonic() - started))
    assert pace.left(3, 3) == "0:00:00"
    assert pace.left(0, 3) == "?"
    assert not pace.due()
    pace._said -= 1e9
    assert pace.due()
    assert not pace.due()  # the next one is an interval away
    assert Pace().seconds == 60
    assert spoken(3661.4) == "1:01:01"
