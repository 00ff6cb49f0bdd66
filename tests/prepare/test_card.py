"""Data cards say what they must, and what they say of Moving Shapes is so."""

import random
import re
from pathlib import Path
from typing import get_args

import pytest
import yaml

from veggie_pl.batch import Skill
from veggie_pl.data.shapes.records import LENGTH, SPLITS
from veggie_pl.data.shapes.vocabulary import find_vocabulary
from veggie_pl.prepare.card import CARDS, Card, CardError, find_card, read_card
from veggie_pl.prepare.layouts.mask_pictures import Alpha
from veggie_pl.prepare.layouts.pairs import PairList

NAMED = sorted(path for path in CARDS.glob("*.md") if path.stem != "TEMPLATE")
GOOD = """---
name: mine
title: My own
task: grounding
media: clips
licence: CC-BY-4.0
url: here
splits: {train: 12, val: null}
layout: {kind: list, files: "{split}.csv", columns: {mask: region}}
skill: grounding
fills: [red, blue]
wordings: ["Find the {phrase}, fill it with {fill}."]
reverse: false
weight: 1.5
---
# My own
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "card.md"
    path.write_text(text)
    return path


@pytest.mark.parametrize("path", sorted(CARDS.glob("*.md")), ids=lambda path: path.stem)
def test_card_parses_and_has_the_sections_of_the_template(path: Path) -> None:
    card = read_card(path)
    sections = re.findall(r"^## (.*)", path.read_text(), re.M)
    if path.stem not in ("TEMPLATE", "moving_shapes"):
        assert sections == re.findall(r"^## (.*)", (CARDS / "TEMPLATE.md").read_text(), re.M)
        assert card.name == path.stem


def test_template_names_every_field() -> None:
    head = (CARDS / "TEMPLATE.md").read_text().split("---\n")[1]
    assert re.findall(r"^(\w+):", head, re.M) == list(Card.model_fields)


def test_settings_of_own_data_are_documented() -> None:
    """The template shows those of lists, docs/DATA.md says what masks with transparent parts need."""
    head = yaml.safe_load((CARDS / "TEMPLATE.md").read_text().split("---\n")[1])
    assert head["layout"].keys() == {"kind", *PairList.model_fields}
    said = (CARDS.parent / "docs/DATA.md").read_text()
    assert all(f"`{choice}`" in said for choice in ("mask_value", "mask_alpha", *get_args(Alpha)))


def test_card_is_typed(tmp_path: Path) -> None:
    card = read_card(write(tmp_path, GOOD))
    assert card.layout == PairList(files="{split}.csv", columns={"mask": "region"})
    assert (card.splits, card.skill, card.fills) == ({"train": 12, "val": None}, Skill.GROUNDING, ("red", "blue"))


def test_card_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_card("moving_shapes") == read_card(find_card("moving_shapes")) == read_card(CARDS / "moving_shapes.md")
    with pytest.raises(CardError, match=r"no card 'moving_shape', .* did you mean moving_shapes\?"):
        read_card("moving_shape")
    monkeypatch.chdir(tmp_path)
    write(tmp_path, GOOD).rename("mine")
    assert read_card("mine").name == "mine"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name: mine", "name: My own", "name: String should match"),
        ("name: mine\n", "", "name: Field required"),
        ("title: My own\n", "", "title: Field required"),
        ("title: My own", "title: ''", "title: String should have at least 1"),
        ("task: grounding", "task: grounded", "task: Input should be 'editing', 'grounding', 'reasoning' or 'all'"),
        ("task: grounding", "task: editing", "wordings of editing need exactly the slots"),
        ("media: clips", "media: video", "media: Input should be 'images', 'clips' or 'both', got 'video'"),
        ("licence: CC-BY-4.0", "licence: 3", "licence: Input should be a valid string, got 3"),
        ("licence:", "license:", "unknown field license; did you mean licence?"),
        ("url: here", "url: [a]", "url: Input should be a valid string"),
        ("{train: 12, val: null}", "{trian: 12}", "splits.trian"),
        ("{train: 12, val: null}", "{}", "splits: Dictionary should have at least 1"),
        ("train: 12", "train: -1", "splits.train: Input should be greater than or equal to 0, got -1"),
        ("train: 12", "train: '12'", "splits.train: Input should be a valid integer, got '12'"),
        ("kind: list", "kind: lost", "layout: unknown kind 'lost'; the choices are list"),
        ("kind: list, ", "", "layout: unknown kind None; the choices are "),
        ("kind: list", "kind: [list]", "layout: unknown kind"),
        ("files:", "file:", "layout: unknown field file; did you mean files?"),
        ("columns: {mask", "columns: {masks", "layout: columns.masks"),
        ("columns: {mask: region}", "columns: 3", "layout: columns: Input should be a valid dictionary, got 3"),
        ("layout: {", "layout: [{", "not YAML"),
        ("skill: grounding", "skill: removal", "skill removal does not belong to task grounding"),
        ("skill: grounding", "skill: grounded", "skill: Input should be 'addition', 'removal'"),
        ("[red, blue]", "[red, bleu]", r"fills: unknown fill colours \['bleu'\]; the choices are red"),
        ("{fill}.", "{colour}.", "wordings of grounding need exactly the slots"),
        ("{fill}.", "{fill:>99999999}.", "wordings of grounding need exactly the slots"),
        ("{fill}.", "{fill!r}.", "wordings of grounding need exactly the slots"),
        ("{fill}.", "{fill.", "wordings"),
        ('["Find', '["", "Find', "wordings of grounding need exactly the slots"),
        ('["Find', '["  \u200b ", "Find', "wordings of grounding need exactly the slots"),
        ("Find", "<image> Find", "no model can be asked with wordings such as '<image> Find .* holds '<image>', which"),
        ("{fill}.", "{fill}.</s>", "holds '</s>', which has a meaning of its own"),
        ("{phrase}", "<|{phrase}|>", r"it holds '<\|it\|>', which has a meaning of its own"),
        ("reverse: false", "reverse: true", "reverse works for removal, addition, not for grounding"),
        ('task: grounding', 'task: editing\nreverse: true', "given twice: reverse"),
        ("reverse: false", "reverse: 'no'", "reverse: Input should be a valid boolean, got 'no'"),
        ("weight: 1.5", "weight: -1", "weight: Input should be greater than or equal to 0"),
        ("weight: 1.5", "weight: .nan", "weight: Input should be a finite number"),
        ("weight: 1.5", "weight: much", "weight: Input should be a valid number, got 'much'"),
        ("weight: 1.5", "weight: 1.5\nweight: 2", "given twice: weight"),
        ("weight: 1.5", "weigth: 1.5", r"unknown field weigth; did you mean weight\?"),
        ("weight: 1.5", "zzz: 1.5", "unknown field zzz; the choices are name, title"),
        ("weight: 1.5", "1: 1.5", "1: Keys should be strings"),
        ("weight: 1.5", "weight: 2024-99-99", "not YAML"),
        ("---\n# My own", "", "a card starts with front matter"),
        (GOOD, "# My own", "a card starts with front matter"),
        (GOOD, "---\n- a\n---\n", "is a list, not fields with values"),
        (GOOD, "---\n---\n", "is a NoneType, not fields"),
        (GOOD, "---\n" + "[" * 5000 + "\n---\n", "not YAML"),
    ],
)  # fmt: skip
def test_wrong_card_is_one_clear_error(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert old in GOOD
    with pytest.raises(CardError, match=message) as caught:
        read_card(write(tmp_path, GOOD.replace(old, new)))
    assert "card.md" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_wordings_are_not_read_backwards(tmp_path: Path) -> None:
    text = GOOD.replace("grounding", "editing", 1).replace("skill: grounding", "skill: removal")
    text = text.replace("the {phrase}, fill it with {fill}", "and remove the {phrase}")
    assert read_card(write(tmp_path, text)).wordings
    with pytest.raises(CardError, match="wrong for pairs that are read backwards"):
        read_card(write(tmp_path, text.replace("reverse: false", "reverse: true")))


def test_missing_or_unreadable_card(tmp_path: Path) -> None:
    with pytest.raises(CardError, match="cannot be read"):
        read_card(tmp_path / "none.md")
    with pytest.raises(CardError, match="cannot be read"):
        read_card(tmp_path)
    (tmp_path / "bytes.md").write_bytes(b"---\n\xff\xfe\n---\n")
    with pytest.raises(CardError, match="cannot be read"):
        read_card(tmp_path / "bytes.md")


def test_mutated_cards_parse_or_give_one_error(tmp_path: Path) -> None:
    rng = random.Random(0)
    pieces = [
        "\n",
        ":",
        " ",
        "{",
        "}",
        "[",
        "]",
        "---\n",
        "'",
        "- ",
        "null",
        "1e999",
        "&a",
        "*a",
        "!!python/name:os.x",
        "\t",
        "é",
        "%",
        "#",
        "@",
    ]
    refused = parsed = 0
    for _ in range(200):
        text = GOOD
        for _ in range(rng.randint(1, 3)):
            place, length = rng.randrange(len(text)), rng.choice((0, 1, 1, 5, 30))
            text = text[:place] + rng.choice([*pieces, text[rng.randrange(len(text)) :][:8]]) + text[place + length :]
        try:
            assert isinstance(read_card(write(tmp_path, text)), Card)
        except CardError as error:
            refused += "\n" not in str(error)
        else:
            parsed += 1
    assert refused + parsed == 200
    assert min(refused, parsed) > 5


def test_moving_shapes_is_as_its_card_says() -> None:
    text = (CARDS / "moving_shapes.md").read_text()
    assert read_card("moving_shapes").splits == dict.fromkeys(SPLITS, LENGTH)
    small, large = find_vocabulary("small"), find_vocabulary("large")
    for name in ("shape", "color", "texture"):
        words = {"shape": "shapes", "color": "colors", "texture": "textures"}[name]
        row = re.search(rf"\| {name.replace('color', 'colour')} \| (.*) \| (.*) \|", text)
        assert row[1].split(", ") == list(getattr(small, words))
        assert row[1].split(", ") + row[2].split(", ") == list(getattr(large, words))
