"""Data cards say what they must, and what they say of Moving Shapes is so."""

import re
from pathlib import Path

import pytest
import yaml

from veggie_pl.data.shapes.records import LENGTH, SPLITS
from veggie_pl.data.shapes.vocabulary import find_vocabulary

CARDS = Path(__file__).resolve().parent.parent / "data_cards"


def front_matter(path: Path) -> dict:
    _, head, _ = path.read_text().split("---\n", 2)
    return yaml.safe_load(head)


@pytest.mark.parametrize("path", sorted(CARDS.glob("*.md")), ids=lambda path: path.stem)
def test_card_has_the_fields_of_the_template(path: Path) -> None:
    card = front_matter(path)
    assert card.keys() == front_matter(CARDS / "TEMPLATE.md").keys()
    assert set(card["splits"]) == {"train", "val", "test"}


def test_moving_shapes_is_as_its_card_says() -> None:
    text = (CARDS / "moving_shapes.md").read_text()
    assert front_matter(CARDS / "moving_shapes.md")["splits"] == dict.fromkeys(SPLITS, LENGTH)
    small, large = find_vocabulary("small"), find_vocabulary("large")
    for name in ("shape", "color", "texture"):
        words = {"shape": "shapes", "color": "colors", "texture": "textures"}[name]
        row = re.search(rf"\| {name.replace('color', 'colour')} \| (.*) \| (.*) \|", text)
        assert row[1].split(", ") == list(getattr(small, words))
        assert row[1].split(", ") + row[2].split(", ") == list(getattr(large, words))
