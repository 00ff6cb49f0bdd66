"""Who is asked, as `--experts` says it."""

from pathlib import Path

import pytest

from veggie_pl.data.shapes import ShapesBenchmark
from veggie_pl.errors import UseError
from veggie_pl.experts.shape_detector import ShapeDetector
from veggie_pl.metrics import SkillTable
from veggie_pl.scoring.measuring import experts_of, identity_of, named_experts, skill_table

BENCH = ShapesBenchmark(skills=["removal"], measures=SkillTable(ShapeDetector()))


def test_roles_are_named_by_folder_server_or_class(tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text("quality: {class_path: a.Quality, init_args: {level: 2}}")
    found = named_experts(["detector=models/dino", "judge=qwen@http://127.0.0.1:1/v1", str(tmp_path / "more.yaml")])
    assert found == {
        "detector": {"class_path": "veggie_pl.experts.GroundingDinoDetector", "init_args": {"folder": "models/dino"}},
        "judge": {
            "class_path": "veggie_pl.experts.EndpointJudge",
            "init_args": {"model": "qwen", "base_url": "http://127.0.0.1:1/v1"},
        },
        "quality": {"class_path": "a.Quality", "init_args": {"level": 2}},
    }


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["clip=models/clip"], "no role 'clip'; the choices are detector, image_text"),
        (["detector=a", "detector=b"], "detector is named twice"),
        (["judge=http://127.0.0.1/v1"], "judge=MODEL@ADDRESS"),
        (["quality=folder"], "say which class in a YAML file"),
        (["nothing.yaml"], "neither ROLE=FOLDER"),
    ],
)
def test_what_cannot_be_meant_is_one_line(given: list[str], said: str) -> None:
    with pytest.raises(UseError, match=said):
        named_experts(given)


def test_expert_that_cannot_be_built_names_its_role(tmp_path: Path) -> None:
    with pytest.raises(UseError, match="detector"):
        skill_table(BENCH, [f"detector={tmp_path}"], "cpu", None)


def test_experts_of_the_bench_stay_and_are_in_its_identity() -> None:
    own, plain = skill_table(BENCH, [], "cpu", None), skill_table(ShapesBenchmark(), [], "cpu", None)
    assert "ShapeDetector" in experts_of(own)["detector"]
    assert identity_of(own) != identity_of(plain)
    assert identity_of(own) == identity_of(skill_table(BENCH, [], "cpu", None))
    large = ShapesBenchmark(measures=SkillTable(ShapeDetector("large")))
    assert identity_of(skill_table(large, [], "cpu", None)) != identity_of(own)
