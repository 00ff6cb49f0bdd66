"""The page shows what came of a run, by itself, and whatever it is about is only text in it."""

import re
from pathlib import Path

from support.lifting import task_of, write_stills
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from veggie_pl.synthesis.lifter import Lifter
from veggie_pl.synthesis.report import summarize, write_report
from veggie_pl.synthesis.run import lift_here


def written(folder: Path) -> str:
    table = write_stills(folder / "data", 20, asked={1: "<script>alert(1)</script>", 3: "impossible"})
    lifter = Lifter(task_of(folder, table))
    outcomes = list(lift_here(lifter, range(20)))
    summary = summarize(outcomes, lifter.steps.assess, 1.5, 1)
    write_report(folder / "report.html", "lifted", summary, outcomes, lifter, folder / "board")
    return (folder / "report.html").read_text()


def test_page_and_board_show_the_run(tmp_path: Path) -> None:
    text = written(tmp_path)
    assert not re.search(r"<script|https?://|src=\"(?!data:)", text)
    assert "&lt;script&gt;alert(1)" in text
    assert "15 pairs kept of 20 (75.0%), 4 rejected" in text
    assert "animate: the picture cannot move" in text
    assert text.count("data:image/jpeg") == 12 + 4
    assert 'class="bound"' in text
    assert "<b>change</b> (gray levels)" in text
    board = EventAccumulator(str(tmp_path / "board"), size_guidance={"images": 0})
    board.Reload()
    tags = board.Tags()
    assert board.Scalars("synthesis/kept")[0].value == 15
    assert board.Scalars("synthesis/rejected_by/change")[0].value == 4
    assert "synthesis/change" in tags["histograms"]
    assert len(board.Images("synthesis/kept")) == 12
    assert len(board.Images("synthesis/rejected")) == 4
