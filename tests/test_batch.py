import ast
import dataclasses
import pickle
from pathlib import Path

import pytest
import torch
from lightning.fabric.utilities.apply_func import move_data_to_device
from support.parts import make_batch

from veggie_pl.batch import Batch, Example, MissingSample, Sample, Skill, collate
from veggie_pl.data.shapes import ShapesRecords
from veggie_pl.data.streams import EditingStream

MISSING = MissingSample("clips", 7, "a/b", "cut off", "2x16x16")
ROOT = Path(__file__).resolve().parent.parent


def test_batch_gives_every_fact_as_a_list() -> None:
    batch = make_batch(3, 1)
    for name in Example._fields:
        assert getattr(batch, name) == [getattr(one, name) for one in batch.examples]


def test_batch_of_unknown_facts_names_the_choices() -> None:
    with pytest.raises(AttributeError, match=r"no 'sill'; its examples have key, skill"):
        make_batch(1, 1).sill  # noqa: B018


def test_facts_of_a_batch_cannot_be_set() -> None:
    """A list that nobody reads would be lost."""
    with pytest.raises(AttributeError):
        make_batch(1, 1).skill = [Skill.REMOVAL]  # type: ignore[misc]


@pytest.mark.parametrize(
    "carry", [lambda one: pickle.loads(pickle.dumps(one)), lambda one: move_data_to_device(one, "cpu")]
)
def test_examples_travel_whole(carry) -> None:
    batch = make_batch(3, 1)
    found = carry(batch)
    assert isinstance(found, Batch)
    assert all(type(one) is Example for one in found.examples)
    assert found.examples == batch.examples
    assert torch.equal(found.source, batch.source)


def test_rows_keep_facts_beside_their_clips() -> None:
    batch = make_batch(4, 1)
    found = batch.rows([3, 1])
    assert found.key == ["noise/3", "noise/1"]
    assert torch.equal(found.source, batch.source[[3, 1]])
    assert found.index.tolist() == [3, 1]


def test_facts_of_an_example_are_listed_once() -> None:
    """A second list would have to be kept in step."""
    names = set(Example._fields)
    for path in (ROOT / "veggie_pl").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                found = {
                    one.target.id for one in node.body if isinstance(one, ast.AnnAssign) and hasattr(one.target, "id")
                }
            elif isinstance(node, ast.Dict):
                found = {key.value for key in node.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}
            elif isinstance(node, ast.Call):
                found = {keyword.arg for keyword in node.keywords if keyword.arg}
            else:
                continue
            if len(found & names) > 4:
                assert getattr(node, "name", "") == "Example", f"{path}:{node.lineno}: {sorted(found & names)}"


def good(count: int = 2) -> list[tuple[int, Sample]]:
    stream = EditingStream(ShapesRecords("train", num_frames=2, size=16, skills={"removal": 1.0}))
    return [(i, stream[i]) for i in range(count)]


def test_a_missing_sample_is_gray_in_the_shape_of_the_others() -> None:
    batch = collate([good()[0], (5, MISSING), good()[1]])
    assert batch.is_missing.tolist() == [False, True, False]
    assert batch.missing == [None, MISSING, None]
    assert batch.good == [0, 2]
    assert batch.missing_samples == [(5, MISSING)]
    assert batch.key[1] == "a/b"
    assert batch.source.shape == (3, 2, 3, 16, 16)
    assert not batch.source[1].any()
    assert not batch.target[1].any()
    assert not batch.mask[1].any()


def test_the_others_are_as_without_it() -> None:
    alone, beside = collate(good()), collate([good()[0], (5, MISSING), good()[1]]).rows([0, 2])
    for name in (one.name for one in dataclasses.fields(Batch)):
        value, expected = getattr(beside, name), getattr(alone, name)
        assert torch.equal(value, expected) if isinstance(value, torch.Tensor) else value == expected, name


def test_nothing_but_missing_samples_has_the_shape_of_the_bucket() -> None:
    batch = collate([(3, MISSING), (4, MISSING._replace(bucket="", row=8))])
    assert batch.source.shape == (2, 2, 3, 16, 16)
    assert batch.good == []
    assert batch.missing_samples[1][1].row == 8


@pytest.mark.parametrize("bucket", ["", "8x64", "clips", "2x16x16x3"])
def test_nothing_but_missing_samples_of_unknown_shape_is_an_error(bucket: str) -> None:
    with pytest.raises(ValueError, match=r"a/b: cut off.*'clips' does not tell the shape"):
        collate([(3, MISSING._replace(bucket=bucket))])


def test_a_batch_of_a_benchmark_without_answers_has_no_target() -> None:
    asked = [(index, dataclasses.replace(sample, target=None)) for index, sample in good()]
    batch = collate([*asked, (5, MISSING)])
    assert batch.target is None
    assert batch.rows([1]).target is None
    assert move_data_to_device(batch, "cpu").target is None
    assert batch.without({0: MISSING}).good == [1]
    assert collate([(5, MISSING)]).target is not None  # nobody knows: it is left out all the same


def test_targets_of_some_samples_only_are_an_error() -> None:
    (one, first), (two, second) = good()
    names = f"{first.example.key} has a target, but {second.example.key} of one batch has none"
    with pytest.raises(ValueError, match=names):
        collate([(one, first), (two, dataclasses.replace(second, target=None))])
    with pytest.raises(ValueError, match=f"{second.example.key} has a target, but {first.example.key}"):
        collate([(one, dataclasses.replace(first, target=None)), (two, second)])


def test_a_batch_made_without_missing_samples_has_none() -> None:
    batch = make_batch(3, 1)
    assert batch.missing == [None] * 3
    assert not batch.is_missing.any()
