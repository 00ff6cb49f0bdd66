import io
import math

import pytest
from rich.console import Console

from veggie_pl.batch import Skill
from veggie_pl.metrics.report import Report, Result
from veggie_pl.metrics.tables import average_rank, compare, table

ADD, REMOVE, CHANGE, GROUND, REASON = (
    Skill.ADDITION,
    Skill.REMOVAL,
    Skill.CHANGING,
    Skill.GROUNDING,
    Skill.REASONING,
)
METHODS = ("VidToMe", "TokenFlow", "InsV2V", "LGVI", "VEGGIE")
PUBLISHED = {  # the brief's numbers for VEGGIE (arXiv:2503.14350) and its peers
    (ADD, "judge"): (5.00, 5.80, 5.69, 2.73, 7.44),
    (ADD, "detection"): (47.98, 49.53, 48.01, 14.42, 57.96),
    (REMOVE, "judge"): (2.60, 3.73, 2.78, 6.59, 5.07),
    (REMOVE, "detection"): (34.31, 55.16, 25.64, 78.40, 70.22),
    (CHANGE, "judge"): (5.00, 6.53, 6.60, 2.06, 6.63),
    (GROUND, "miou"): (0.0, 0.0, 0.0, 0.0, 47.30),
    (REASON, "miou"): (0.0, 0.0, 0.0, 0.0, 32.80),
}


def row(skill: Skill, metric: str, value: float, n: int = 100, higher_is_better: bool = True) -> Result:
    return Result(skill, metric, value, value - 1.5, value + 1.5, n, "%", higher_is_better)


def report(*rows: Result, model: str = "nano") -> Report:
    return Report(model, "2025-07-01", {"data": 0}, {}, rows)


def rendered(grid: object) -> str:
    stream = io.StringIO()
    Console(file=stream, width=160).print(grid)
    return stream.getvalue()


NOWHERE = Result(Skill.STYLIZATION, "psnr_outside", math.nan, math.nan, math.nan, 0, "dB")


def test_table_shows_value_interval_unit_and_count() -> None:
    grid = table(report(row(GROUND, "miou", 47.3), NOWHERE))
    assert grid.rows[0] == ("Object Grounding", "miou", "47.30", "[ 45.80,  48.80]", "%", "100")
    assert grid.rows[1] == ("Stylization", "psnr_outside", "-", "-", "dB", "0")


def test_markdown_is_aligned() -> None:
    text = table(report(row(GROUND, "miou", 100.0), row(ADD, "success", 7.25), NOWHERE)).markdown()
    title, _, *lines = text.splitlines()
    assert title == "### nano, 2025-07-01"
    assert len({len(line) for line in lines}) == 1
    assert len({tuple(i for i, sign in enumerate(line) if sign == "|") for line in lines}) == 1
    assert lines[1].split("|")[1].strip().strip("-") == ""
    assert all(cell.strip().endswith("-:") for cell in lines[1].split("|")[3:-1])
    ends = {line.split("|")[3].rstrip()[-1] for line in lines[2:]}
    assert ends == {"0", "5", "-"}  # numbers stand on the right


def test_console_shows_everything_as_written() -> None:
    text = rendered(table(report(row(GROUND, "miou", 47.3), model="[bold]nano[/bold]")).console())
    for part in ("[bold]nano[/bold]", "Object Grounding", "47.30", "[ 45.80,  48.80]", "95 % interval"):
        assert part in text


def test_compare_shows_before_after_and_gain() -> None:
    before = report(
        row(GROUND, "miou", 2.0), row(ADD, "error", 9.0, higher_is_better=False), NOWHERE, model="untrained"
    )
    after = report(row(ADD, "error", 4.0, higher_is_better=False), row(GROUND, "miou", 47.3), NOWHERE)
    grid = compare(before, after)
    assert grid.title == "untrained, 2025-07-01 -> nano, 2025-07-01"
    by_row = {cells[:2]: cells[2:] for cells in grid.rows}
    grounding = by_row["Object Grounding", "miou"]
    assert grounding == ("2.00", "[  0.50,   3.50]", "->", "47.30", "[ 45.80,  48.80]", "+45.30", "%", "100")
    assert by_row["Concept Addition", "error"][5] == "+5.00"  # lower is better: less is a gain
    assert by_row["Stylization", "psnr_outside"] == ("-", "-", "->", "-", "-", "-", "dB", "0")
    assert "+45.30" in rendered(grid.console())


def test_compare_tells_different_counts() -> None:
    grid = compare(report(row(GROUND, "miou", 2.0, n=16)), report(row(GROUND, "miou", 3.0, n=200)))
    assert grid.rows[0][-1] == "16 -> 200"


def test_compare_refuses_different_rows() -> None:
    with pytest.raises(ValueError, match="same rows, but after lacks addition success, grounding j"):
        compare(
            report(row(GROUND, "miou", 1.0), row(GROUND, "j", 1.0), row(ADD, "success", 1.0)),
            report(row(GROUND, "miou", 2.0)),
        )


def test_average_rank_of_the_published_numbers_by_hand() -> None:
    reports = {
        name: report(*(row(*key, values[i]) for key, values in PUBLISHED.items())) for i, name in enumerate(METHODS)
    }
    # Ranks by row. The four zeros of grounding and of reasoning share (2 + 3 + 4 + 5) / 4 = 3.5.
    assert average_rank(reports) == pytest.approx(
        {
            "VidToMe": (4 + 4 + 5 + 4 + 4 + 3.5 + 3.5) / 7,
            "TokenFlow": (2 + 2 + 3 + 3 + 3 + 3.5 + 3.5) / 7,
            "InsV2V": (3 + 3 + 4 + 5 + 2 + 3.5 + 3.5) / 7,
            "LGVI": (5 + 5 + 1 + 1 + 5 + 3.5 + 3.5) / 7,
            "VEGGIE": (1 + 1 + 2 + 2 + 1 + 1 + 1) / 7,
        }
    )


def test_average_rank_turns_where_lower_is_better() -> None:
    ranks = average_rank(
        {
            "a": report(row(ADD, "error", 1.0, higher_is_better=False)),
            "b": report(row(ADD, "error", 2.0, higher_is_better=False)),
        }
    )
    assert ranks == {"a": 1.0, "b": 2.0}


def test_average_rank_leaves_rows_out_that_nobody_has_a_number_for() -> None:
    ranks = average_rank(
        {"a": report(row(ADD, "success", 1.0), NOWHERE), "b": report(row(ADD, "success", 2.0), NOWHERE)}
    )
    assert ranks == {"a": 2.0, "b": 1.0}


def test_average_rank_refuses_a_row_that_only_some_have_a_number_for() -> None:
    some = Result(Skill.STYLIZATION, "psnr_outside", 20.0, 19.0, 21.0, 4, "dB")
    with pytest.raises(ValueError, match="stylization psnr_outside has no number for b"):
        average_rank({"a": report(some), "b": report(NOWHERE)})
