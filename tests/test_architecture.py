"""docs/ARCHITECTURE.md is true: its tree is the package's, and every file that its journeys name is there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "docs/ARCHITECTURE.md").read_text()


def drawn() -> set[str]:
    """The rooms and files of the tree, as ``masks/`` and ``batch.py``."""
    tree = re.search(r"```\nveggie_pl/\n(.*?)```", TEXT, re.S)
    assert tree is not None
    return set(re.findall(r"^  ([\w/.]+) ", tree[1], re.M))


def test_the_tree_is_the_package() -> None:
    found = {path.name + "/" * path.is_dir() for path in (ROOT / "veggie_pl").iterdir()}
    assert drawn() == found - {"__pycache__/", "__init__.py", "__main__.py"}


def test_what_the_page_names_is_there() -> None:
    named = {name for name in re.findall(r"`([\w/]+(?:/|\.py|\.yaml))`", TEXT)}
    assert len(named) > 15
    places = (ROOT / "veggie_pl", ROOT)
    missing = [name for name in sorted(named) if not any((place / name).exists() for place in places)]
    assert not missing


def test_it_is_one_page() -> None:
    assert len(TEXT.splitlines()) <= 100
