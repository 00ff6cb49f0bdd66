import json
import math

from support.foreseeable import Moody
from support.metric_batches import batch_of

from veggie_pl.batch import Skill
from veggie_pl.metrics import SkillTable
from veggie_pl.metrics.skills import SkillRow


def test_judge_is_asked_once_and_its_failures_are_told_not_guessed() -> None:
    batch = batch_of(Skill.CHANGING, 3, 2)
    batch.examples[0] = batch.examples[0]._replace(checklist=("Is it blue?",))
    judge = Moody()
    row = SkillTable(judge=judge, aspects=["judge", "overall"]).of_skill(Skill.CHANGING)
    assert isinstance(row, SkillRow)
    values, notes = row.with_notes(batch.target, batch)
    assert [one.key for one in judge.questions] == batch.key
    assert judge.questions[0].checklist == ("Is it blue?",)
    assert judge.questions[0].instruction == batch.instruction[0]
    assert list(values)[:2] == ["judge_follow", "judge_quality"]
    follow = values["judge_follow"].tolist()
    assert (follow[0], follow[2]) == (8.0, 8.0)
    assert math.isnan(follow[1])  # box/1
    assert notes[1] == {"judge": {"replies": ["hm"], "failures": ["no number in it"], "settings": {"repeats": 1}}}
    assert json.loads(json.dumps(notes)) == notes


def test_judges_scale_is_the_measures() -> None:
    measures = SkillTable(judge=Moody(), aspects=["judge"]).of_skill(Skill.ADDITION).measures
    assert [(one.name, one.unit, one.bounds, one.worst) for one in measures] == [
        ("judge_follow", "1 to 10", (1.0, 10.0), 1.0),
        ("judge_quality", "1 to 10", (1.0, 10.0), 1.0),
    ]
