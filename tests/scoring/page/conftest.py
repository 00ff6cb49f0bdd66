from dataclasses import replace
from pathlib import Path

import pytest
from support.scored import copied, report, right, scored, shapes, unsure

from veggie_pl.metrics.tables import Grid
from veggie_pl.scoring.compare import compare_reports
from veggie_pl.scoring.page import read_published, write_page


@pytest.fixture(scope="session")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole page: three methods on three skills, an output missing, a judge that failed, published numbers."""
    samples = shapes(["removal", "stylization", "grounding"], 4)
    ours, clips = scored("ours", unsure, samples)
    first, second, *rest = ours.samples
    worst = dict.fromkeys(first.values, 0.0)
    failed = replace(first, state="missing", reason="there is no file of its name", values=worst)
    judged = replace(second, notes={"judge": {"replies": ["no"], "failures": ["reply 1 has no number"]}})
    ours = report("ours", [failed, judged, *rest])
    reports = [ours, scored("copy", copied, samples)[0], scored("oracle", right, samples)[0]]
    path = tmp_path_factory.mktemp("page") / "new" / "page.html"
    grid = Grid("agreement with people", ("skill", "metric", "Kendall"), (("all", "success", "0.40"),), "a note")
    write_page(path, reports, lambda one: clips[one.key], read_published(), compare_reports(reports), [grid])
    return path
