import json
from pathlib import Path

import pytest

from veggie_pl.batch import Skill
from veggie_pl.errors import UseError
from veggie_pl.scoring.page import read_published


def test_every_number_names_its_source() -> None:
    rows = read_published()
    assert {row.skill for row in rows} == {
        Skill.ADDITION,
        Skill.REMOVAL,
        Skill.CHANGING,
        Skill.GROUNDING,
        Skill.REASONING,
    }
    assert all("arXiv:2503.14350" in row.source for row in rows)
    found = {(row.skill, row.measure): row.values["VEGGIE"] for row in rows}
    assert found[Skill.REMOVAL, "detection"] == 70.22
    assert found[Skill.GROUNDING, "J"] == 37.74
    assert {row.source for row in rows if row.measure == "mIoU"}.isdisjoint(
        row.source for row in rows if row.measure in ("SSIM", "J", "F")
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"skill": "flying"}, "rows.0.skill"),
        ({"source": "hearsay"}, "names the sources hearsay; those that it lists are s"),
        ({"values": {}}, "rows.0.values"),
        ({"values": {"a": "nan"}}, "rows.0.values.a"),
        ({"place": "table 2"}, "rows.0.place"),
    ],
)
def test_wrong_rows_are_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    row = {"skill": "removal", "measure": "mIoU", "source": "s", "values": {"a": 1.0}, **change}
    path = tmp_path / "p.json"
    path.write_text(json.dumps({"schema": 1, "sources": {"s": "somebody"}, "rows": [row]}))
    with pytest.raises(UseError, match=message):
        read_published(path)


def test_a_file_of_no_use_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text("no")
    for name in ("p.json", "q.json"):
        with pytest.raises(UseError, match=f"{name} is no file of published numbers"):
            read_published(tmp_path / name)
