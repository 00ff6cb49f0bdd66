"""The report as one HTML file, and the same for TensorBoard."""

import math
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from veggie_pl.files import write_text
from veggie_pl.progress import spoken
from veggie_pl.synthesis.lifter import Lifter
from veggie_pl.synthesis.outcome import Outcome
from veggie_pl.synthesis.report.board import write_board
from veggie_pl.synthesis.report.sheets import Sheet, sheets
from veggie_pl.synthesis.report.summary import Spread, Summary

WIDTH, HEIGHT = 360, 90  # of a histogram, in pixels


def write_report(
    path: Path,
    name: str,
    summary: Summary,
    outcomes: Sequence[Outcome],
    lifter: Lifter,
    board: Path | None = None,
) -> None:
    """Write a page that needs no other file, no network and no script.

    Args:
        path: Where to.
        name: Of the data set.
        summary: Its numbers.
        outcomes: Of all items, some of which are shown.
        lifter: That made them.
        board: Also write the same for TensorBoard into this folder.

    Raises:
        OSError: If it cannot be written.
    """
    shown = {"kept": sheets(outcomes, lifter, "kept"), "rejected": sheets(outcomes, lifter, "rejected")}
    write_text(path, render(name, summary, shown))
    if board is not None:
        write_board(board, summary, shown)


def render(name: str, summary: Summary, shown: dict[str, list[Sheet]]) -> str:
    """Fill the template; whatever instructions and reasons contain is shown as text."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.jinja").render(
        name=name,
        summary=summary,
        shown=shown,
        bars=bars,
        lines=lines,
        number=number,
        percent=percent,
        spoken=spoken,
        width=WIDTH,
        height=HEIGHT,
    )


def bars(spread: Spread) -> list[tuple[float, float, float, float, str]]:
    """Give the bars of a histogram, rejected above kept: left, top, width, height, kind."""
    most = max([a + b for a, b in zip(spread.kept, spread.rejected, strict=True)] + [1])
    step = WIDTH / len(spread.kept)
    found = []
    for place, (kept, rejected) in enumerate(zip(spread.kept, spread.rejected, strict=True)):
        low, high = HEIGHT * kept / most, HEIGHT * rejected / most
        found.append((place * step, HEIGHT - low, step - 1, low, "kept"))
        found.append((place * step, HEIGHT - low - high, step - 1, high, "rejected"))
    return [bar for bar in found if bar[3] > 0]


def lines(spread: Spread) -> list[float]:
    """Give where the bounds are, from the left."""
    low, high = spread.edges[0], spread.edges[-1]
    return [WIDTH * (bound - low) / (high - low) for bound in (spread.least, spread.most) if bound is not None]


def number(value: float | None) -> str:
    """Write a number for people; a dash where there is none."""
    return "–" if value is None or math.isnan(value) else f"{value:.3g}"


def percent(part: int, whole: int) -> str:
    """Write a share; a dash where there is nothing to share."""
    return f"{part / whole:.1%}" if whole else "–"
