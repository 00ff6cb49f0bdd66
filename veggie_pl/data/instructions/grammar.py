"""Many ways to ask for one thing, composed: what a language model knows before VEGGIE meets it.

A real MLLM has read enough to know that "get rid of" is "remove", and that "so i was thinking" asks for nothing. A
small one has not, so training can word requests by this grammar. What tests hold out it never says.

Its rules lie in ``grammar.json``, each a list of alternatives in which ``<name>`` stands for another rule, ``{slot}``
for what a request is about. Of each skill there are three: ``do`` follows an opening such as "could you", ``tell`` is a
sentence of its own, ``turn`` has its parts in another order. Words of ``written.json`` such as "so kind" are in none.
``said_else`` tells what slots say in other words: part of a slot's text, and what may stand in its place.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from veggie_pl.batch import Skill
from veggie_pl.data.instructions.templates import HELD_OUT_TEMPLATES, with_articles
from veggie_pl.data.instructions.typos import with_typos
from veggie_pl.data.instructions.written import WRITTEN, plain
from veggie_pl.errors import UseError

_READ = json.loads(Path(__file__).with_name("grammar.json").read_text(encoding="utf-8"))
RULES: dict[str, list[str]] = _READ["rules"]
SAID_ELSE: dict[str, list[str]] = _READ["said_else"]
HELD_OUT = {
    skill: {plain(text) for text in (*HELD_OUT_TEMPLATES[skill], *(one.text for one in WRITTEN[skill]))}
    for skill in Skill
}
_RULE = re.compile(r"<([\w ]+)>")
_SLOT = re.compile(r"\{(\w+)\}")
_ASKING = re.compile(r"(can|could|would|will|how|what about|where)\b")


@dataclass(frozen=True)
class Grammar:
    """How often a request is worded otherwise than by a template, and how; all are shares in [0, 1].

    Args:
        share: Of the examples, those that are worded so.
        tell: Said rather than ordered: "the red circle should go". Of all.
        turn: In another order: "the red circle: remove it". Of all; what is neither is an order.
        opening: Orders after "could you" and the like.
        please: Orders after "please" and the like, of those without another opening.
        closing: With "thanks", "for me", ... at the end.
        chat: With small talk before.
        after: With small talk behind.
        said_else: Places and questions in other words. What things are called stays.
        lower: In small letters.
        upper: In capitals.
        unmarked: Without punctuation.
        typos: With typos in words that are not slots.
        typo_words: Of the words of such a text, those that are mistyped; one at least.
        slot_typos: With typos in slots, in as many of their words; one at least.

    Raises:
        UseError: If a share is not in [0, 1], or those that exclude each other add up to more.
    """

    share: float = 0.5
    tell: float = 0.2
    turn: float = 0.2
    opening: float = 0.4
    please: float = 0.3
    closing: float = 0.25
    chat: float = 0.2
    after: float = 0.1
    said_else: float = 0.3
    lower: float = 0.2
    upper: float = 0.05
    unmarked: float = 0.25
    typos: float = 0.2
    typo_words: float = 0.25
    slot_typos: float = 0.03

    def __post_init__(self) -> None:
        for one in fields(self):
            if not 0 <= getattr(self, one.name) <= 1:
                raise UseError(f"{one.name} of the grammar is a share in [0, 1], got {getattr(self, one.name)}")
        for names in (("tell", "turn"), ("lower", "upper")):
            if (total := sum(getattr(self, name) for name in names)) > 1:
                raise UseError(f"{' and '.join(names)} of the grammar add up to at most 1, got {total}")

    def reword(self, skill: Skill, rng: np.random.Generator, slots: Mapping[str, str]) -> str | None:
        """Word a request, in ``share`` of the cases; else None.

        Args:
            skill: What is asked.
            rng: All chance.
            slots: What ``templates.word`` takes.
        """
        return self.word(skill, rng, slots) if rng.random() < self.share else None

    def word(self, skill: Skill, rng: np.random.Generator, slots: Mapping[str, str]) -> str:
        """Word a request.

        Raises:
            UseError: If a slot is not given.
        """
        chance = dict(zip((one.name for one in fields(self)), rng.random(len(fields(self))), strict=True))
        is_now = {name: bool(drawn < getattr(self, name)) for name, drawn in chance.items()}
        while True:
            request = self.template(skill, rng, is_now, chance["tell"], "place" in slots)
            template = _among_talk(request, rng, is_now)
            if is_now["typos"]:
                template = with_typos(template, rng, self.typo_words)
            if not {plain(request), plain(template)} & HELD_OUT[skill]:
                break
        if lacking := [name for name in _SLOT.findall(template) if name not in slots]:
            raise UseError(
                f"a request for {skill} needs {', '.join(lacking)}; given: {', '.join(sorted(slots)) or 'none'}"
            )
        said = {name: say_else(text, rng) if is_now["said_else"] else text for name, text in slots.items()}
        if is_now["slot_typos"]:
            said = {name: with_typos(text, rng, self.typo_words) for name, text in said.items()}
        return self._finish(template, said, is_now, chance["lower"])

    def template(
        self, skill: Skill, rng: np.random.Generator, is_now: Mapping[str, bool], order: float, has_place: bool = True
    ) -> str:
        """Compose a request with slots, before small talk and typos.

        Args:
            skill: What is asked.
            rng: Chooses among the alternatives of every rule.
            is_now: Which of the rates' parts it has.
            order: In [0, 1): says whether it is told, turned around or ordered.
            has_place: Whether there is a slot for the place of what is added.
        """
        how = "tell" if order < self.tell else "turn" if order < self.tell + self.turn else "do"
        if skill is Skill.ADDITION and not has_place:
            how = "do"
        text = expand(f"{skill} {how}", rng)
        if not has_place:
            text = text.replace(" {place}", "")
        if how == "do" and (is_now["opening"] or is_now["please"]):
            text = f"{expand('opening' if is_now['opening'] else 'please', rng)} {text}"
        if is_now["closing"] and "{question}" not in text:
            text += f" {expand('closing', rng)}"
        asked = bool(_ASKING.match(text))
        if not text.endswith("{question}"):  # which brings its own
            text = text.rstrip() + ("?" if asked else "!" if rng.random() < 0.1 else ".")
        if skill is Skill.REASONING and how != "turn":
            text = "{question} " + text
        return text

    def _finish(self, template: str, slots: Mapping[str, str], is_now: Mapping[str, bool], case: float) -> str:
        if is_now["unmarked"]:
            template = re.sub(r"[.,:!?]", "", template)
        text = with_articles(template.format(**slots))
        text = re.sub(r"(^|[.!?] )([a-z])", lambda found: found[1] + found[2].upper(), text)
        return text.lower() if case < self.lower else text.upper() if case < self.lower + self.upper else text


def _among_talk(request: str, rng: np.random.Generator, is_now: Mapping[str, bool]) -> str:
    if is_now["chat"]:
        request = expand("chat", rng) + (", ", ". ", ": ")[int(rng.random() * 3)] + request
    return f"{request} {expand('after', rng)}." if is_now["after"] else request


def expand(name: str, rng: np.random.Generator) -> str:
    """Draw one of the texts that a rule stands for: each alternative is as likely."""
    options = RULES[name]
    return _RULE.sub(lambda found: expand(found[1], rng), options[int(rng.random() * len(options))])


def say_else(text: str, rng: np.random.Generator) -> str:
    """Say a place or a question in other words, wherever some are known."""
    for part, others in SAID_ELSE.items():
        if part in text:
            text = text.replace(part, others[int(rng.random() * len(others))])
    return text
