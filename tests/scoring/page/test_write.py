import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import torch
from support.scored import report, sample

from veggie_pl.batch import Skill
from veggie_pl.errors import UseError
from veggie_pl.metrics.report import Report
from veggie_pl.metrics.tables import Grid
from veggie_pl.scoring.compare import compare_reports
from veggie_pl.scoring.page import Shown, write_page

EVIL = "<script>alert('x')</script><img src=http://x.invalid/a.png onerror=alert(1)>\"'&amp;{{ 7 * 7 }}"
VOID = {"meta", "img", "input", "br", "link", "hr"}
GRAY = torch.zeros(2, 3, 16, 16)


class Page(HTMLParser):
    """Elements of a page, and whether they are closed in their order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    def named(self, tag: str) -> Iterator[dict[str, str | None]]:
        return (attributes for name, attributes in self.elements if name == tag)


def written(folder: Path, reports: list[Report], clips: Any, **more: Any) -> tuple[str, Page]:
    path = folder / "new" / "page.html"
    write_page(path, reports, clips, **more)
    text = path.read_text(encoding="utf-8")
    return text, Page(text)


@pytest.fixture(scope="module")
def page(page_file: Path) -> tuple[str, Page]:
    text = page_file.read_text(encoding="utf-8")
    return text, Page(text)


def test_it_is_one_whole_document(page: tuple[str, Page]) -> None:
    text, found = page
    assert text.startswith('<!doctype html>\n<html lang="en">')
    assert found.open == []
    ids = Counter(attributes["id"] for _, attributes in found.elements if "id" in attributes)
    assert max(ids.values()) == 1
    for link in found.named("a"):
        assert (link["href"] or "").removeprefix("#") in ids
    for _, attributes in found.elements:
        for name in ("aria-labelledby", "for"):
            assert attributes.get(name) is None or attributes[name] in ids


def test_it_needs_no_other_file_and_runs_nothing(page: tuple[str, Page]) -> None:
    text, found = page
    assert not {tag for tag, _ in found.elements} & {"script", "link", "iframe", "object", "embed", "base", "form"}
    for _, attributes in found.elements:
        assert not [name for name in attributes if name.startswith("on")]
        assert (attributes.get("src") or "data:image/webp;base64,").startswith("data:image/webp;base64,")
        assert (attributes.get("href") or "#").startswith("#")
    assert "url(" not in text
    assert "@import" not in text
    (policy,) = (one["content"] for one in found.named("meta") if one.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'")


def test_readers_who_do_not_see_it_are_told(page: tuple[str, Page]) -> None:
    _, found = page
    images = list(found.named("img"))
    assert len(images) == 3 * 2 * (4 + 4 + 3)  # clips, moving and still, of all usable samples
    assert all(image["alt"] for image in images)
    assert all(cell.get("scope") for cell in found.named("th"))
    assert next(found.named("html"))["lang"] == "en"


def test_numbers_intervals_and_what_failed_are_there(page: tuple[str, Page]) -> None:
    text, found = page
    words = " ".join("".join(found.words).split())
    for part in (
        "without failed",
        "Moving Shapes, test",
        "2026-11-27",
        "Average rank",
        "ShapeDetector, blake2b 3f2a",
        "count with the worst value of each measure",
        "ours: 1 missing.",
        "copy: every output was there and could be scored.",
        "there is no file of its name",
        "1 replies gave no score, for 1 of 1 samples",
        "reply 1 has no number",
        "Paired bootstrap over samples, 10000 resamples, seed 0",
        "agreement with people",
        "a note",
    ):
        assert part in words, part
    assert re.search(r'<td class="best"><span>100\.00</span><small>94\.00 to 100\.00</small>', text)


def test_published_numbers_are_marked_and_apart(page: tuple[str, Page]) -> None:
    text, _ = page
    rows = re.findall(r"<tr.*?</tr>", text, re.S)
    published = [row for row in rows if "TokenFlow" in row or "VEGGIE" in row]
    assert len(published) == 2 + 4  # rows of removal and grounding; stylization has none
    for row in published:
        assert row.startswith('<tr class="published">')
        assert ">published</span>" in row
        assert "<sup>" in row
    assert "70.22" in published[1]
    assert text.count("Other data, not comparable") == 2  # one line for each source
    assert "published, other data, not comparable" in text


def test_whatever_users_wrote_is_shown_as_text(tmp_path: Path) -> None:
    one = sample(EVIL, Skill.REMOVAL, EVIL, values={"success": 0.0}, notes={"judge": {"failures": [EVIL]}})
    gone = sample(EVIL + "2", values={"success": 0.0}, state="unreadable", reason=EVIL)
    facts = {"conventions": {EVIL: EVIL}, "experts": {EVIL: EVIL}, "versions": {EVIL: EVIL}, "missing": {EVIL: 1}}
    made = report(EVIL, [one, gone], bench=EVIL, date=EVIL, **facts)
    grid = Grid(EVIL, (EVIL, EVIL), ((EVIL, EVIL),), EVIL)
    comparison = compare_reports([made, made])
    text, found = written(tmp_path, [made, made], lambda _: Shown(GRAY, GRAY), comparison=comparison, grids=[grid])
    assert not list(found.named("script"))
    assert all((image["src"] or "").startswith("data:") for image in found.named("img"))
    assert not [name for _, attributes in found.elements for name in attributes if name.startswith("on")]
    assert "49" not in re.sub(r"base64,[^\"]*", "", text).split("<body>")[1].split("{{")[0]
    assert "".join(found.words).count(EVIL) >= 15


def test_reports_without_samples_are_shown_as_numbers(tmp_path: Path) -> None:
    made = report("old", [sample("k", values={"success": 50.0})])
    text, _ = written(tmp_path, [replace(made, samples=(), bench="")], lambda _: None)
    assert "50.00" in text
    assert 'id="samples"' not in text


def test_clips_that_are_gone_are_said_to_be(tmp_path: Path) -> None:
    text, found = written(tmp_path, [report("a", [sample("k", values={"success": 1.0})])], lambda _: None)
    assert "Its clips cannot be read any more" in text
    assert not list(found.named("img"))


def test_no_report_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UseError, match="at least one report"):
        write_page(tmp_path / "p.html", [], lambda _: None)
