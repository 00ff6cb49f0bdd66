import pytest
from support.grouped import some_groups
from support.mixtures import Rows

from veggie_pl.data.groups import Weighted, groups_of


def weights(skills: dict[str, float] | None) -> dict[tuple[str, str], float]:
    stream = some_groups(
        ("1x8x8", "removal", 30), ("2x8x8", "removal", 10), ("1x8x8", "addition", 60), ("1x8x8", "grounding", 0)
    )
    return {(group.skill, group.bucket): group.weight for group in groups_of("s", Weighted(stream, 2.0, skills))}


def test_without_weights_groups_share_by_rows() -> None:
    found = {("removal", "1x8x8"): 0.6, ("removal", "2x8x8"): 0.2, ("addition", "1x8x8"): 1.2}
    assert weights(None) == pytest.approx(found)


def test_skills_share_by_weight_and_their_shapes_by_rows() -> None:
    found = weights({"removal": 3.0, "addition": 1.0})
    expected = {("removal", "1x8x8"): 1.125, ("removal", "2x8x8"): 0.375, ("addition", "1x8x8"): 0.5}
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    "skills", [{"addition": 1.0}, {"addition": 1.0, "removal": 0.0}, {"addition": 5.0, "grounding": 0.0}]
)
def test_skills_not_named_are_left_out(skills: dict[str, float]) -> None:
    assert weights(skills) == pytest.approx({("addition", "1x8x8"): 2.0})


@pytest.mark.parametrize("lacking", ["grounding", "juggling"])
def test_skill_without_rows_names_those_with(lacking: str) -> None:
    with pytest.raises(ValueError, match=rf"stream 's' has no rows.*{lacking}.*choices are addition, removal"):
        weights({"addition": 1.0, lacking: 1.0})


@pytest.mark.parametrize(
    "skills", [{}, {"addition": 0.0}, {"addition": -1.0, "removal": 2.0}, {"addition": float("nan")}]
)
def test_impossible_skill_weights_are_errors(skills: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="skills must be >= 0"):
        weights(skills)


def test_skills_of_records_without_groups_cannot_be_weighted() -> None:
    with pytest.raises(ValueError, match=r"stream 'a'.*do not tell.*skills: null"):
        groups_of("a", Weighted(Rows("a", 3), 1.0, {"removal": 1.0}))


def test_groups_without_rows_are_an_empty_stream() -> None:
    with pytest.raises(ValueError, match=r"without a sample: \['s'\]"):
        groups_of("s", Weighted(some_groups(("1x8x8", "removal", 0))))


def test_line_is_named_for_people() -> None:
    assert groups_of("s", Weighted(some_groups(("1x8x8", "removal", 3))))[0].name == "s removal 1x8x8"
    assert groups_of("a", Weighted(Rows("a", 3)))[0].name == "a"
