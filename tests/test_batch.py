import ast
import pickle
from pathlib import Path

import pytest
import torch
from lightning.fabric.utilities.apply_func import move_data_to_device
from support.parts import make_batch

from veggie_pl.batch import Batch, Example, Skill

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


def test_rows_and_cpu_keep_facts_beside_their_clips() -> None:
    batch = make_batch(4, 1)
    found = batch.rows([3, 1]).cpu()
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
