"""Slips of the finger: letters swapped, dropped, doubled, or taken from the next key."""

import re

import numpy as np

NEIGHBOURS = {  # keys beside each other on a QWERTY keyboard, in one row
    letter: "".join(row[max(i - 1, 0) : i] + row[i + 1 : i + 2])
    for row in ("qwertyuiop", "asdfghjkl", "zxcvbnm")
    for i, letter in enumerate(row)
}
KINDS = ("swap", "drop", "double", "neighbour")
SHORTEST = 3  # letters of a word that is mistyped
TWICE = 0.3  # how often a word of six letters or more is mistyped twice
_WORDS = re.compile(rf"(?<![\w{{'])[A-Za-z]{{{SHORTEST},}}(?![\w}}'])")  # no slots, none with an apostrophe


def mistype(word: str, kind: str, at: int) -> str:
    """Mistype a word at one letter.

    Args:
        word: At least two letters.
        kind: One of ``KINDS``.
        at: Position of the letter; a swap takes the one after it, too.
    """
    if kind == "swap":
        return word[:at] + word[at + 1 : at + 2] + word[at] + word[at + 2 :]
    if kind == "drop":
        return word[:at] + word[at + 1 :]
    if kind == "double":
        return word[: at + 1] + word[at:]
    near = NEIGHBOURS.get(word[at].lower(), word[at])
    return word[:at] + near[-1] + word[at + 1 :]


def slip(word: str, rng: np.random.Generator) -> str:
    """Mistype one letter of a word, of a long one sometimes two; the first letter stays, and the word changes."""
    slips = 2 if len(word) >= 6 and rng.random() < TWICE else 1
    typed = word
    while slips:
        kind = KINDS[int(rng.random() * len(KINDS))]
        last = len(typed) - (2 if kind == "swap" else 1)
        at = min(1 + int(rng.random() * last), last)
        tried = mistype(typed, kind, at)
        if tried not in (word, typed):
            typed, slips = tried, slips - 1
    return typed


def with_typos(text: str, rng: np.random.Generator, rate: float) -> str:
    """Mistype words of a text, at least one if it has any of three letters; slots in braces stay.

    Args:
        text: With or without slots.
        rng: Draws which words, and how.
        rate: How often a word is mistyped, in [0, 1].
    """
    words = list(_WORDS.finditer(text))
    if not words:
        return text
    chosen = rng.random(len(words)) < rate
    chosen[int(rng.random() * len(words))] = True
    for word, is_mistyped in reversed(list(zip(words, chosen, strict=True))):
        if is_mistyped:
            text = text[: word.start()] + slip(word[0], rng) + text[word.end() :]
    return text
