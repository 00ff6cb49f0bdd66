"""The filter: every pair is measured, and kept if it breaks no rule."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from veggie_pl.errors import UseError
from veggie_pl.experts.protocols import Judgement
from veggie_pl.metrics.experts_given import Experts
from veggie_pl.synthesis.assess.asked import MEASURES
from veggie_pl.synthesis.assess.presets import find_preset
from veggie_pl.synthesis.assess.rules import Rule
from veggie_pl.synthesis.assess.seen import Seen
from veggie_pl.synthesis.digest import digest_of_step
from veggie_pl.synthesis.protocols import Assessment, Lifted

_DIGITS = 6  # of a value: what lies below differs between machines


class RuleAssessor:
    """Implements ``Assessor`` by measures and their bounds.

    Args:
        preset: Rules to begin with, see ``presets``.
        rules: Bounds by measure, in place of the preset's or beside them.
        also: Measures that are taken without a rule.
        side: Longer side in pixels at which frames are compared.
        experts: Outside models, for measures that ask one: CLIP or SigLIP, DINO, a judge.

    Raises:
        UseError: If a measure or the preset is unknown, an expert is missing, or a number cannot be.
    """

    def __init__(
        self,
        preset: str = "embedded",
        rules: dict[str, Rule] | None = None,
        also: tuple[str, ...] = (),
        side: int = 96,
        experts: Experts | None = None,
    ) -> None:
        self.preset, self.side, self.experts = preset, side, experts or Experts()
        self.rules = find_preset(preset) | (rules or {})
        self.measures = dict.fromkeys((*self.rules, *also))
        if unknown := [name for name in self.measures if name not in MEASURES]:
            raise UseError(f"no measures of pairs are called {unknown}; the choices are {', '.join(MEASURES)}")
        for name in self.measures:
            if (need := MEASURES[name].needs) and getattr(self.experts, need) is None:
                raise UseError(f"the measure {name!r} asks an expert that is not given: experts.{need}")

    @cached_property
    def digest(self) -> str:
        """Class, rules, measures and the experts that they ask."""
        rules = {name: rule.settings for name, rule in self.rules.items()}
        return digest_of_step(self, 1, rules=rules, measures=[*self.measures], side=self.side, experts=self._asked)

    @cached_property
    def measured(self) -> str:
        """Class, measures and the experts that they ask: with other bounds, values are the same."""
        return digest_of_step(self, 1, measures=[*self.measures], side=self.side, experts=self._asked)

    @property
    def units(self) -> dict[str, str]:
        """Unit of each measure, for reports."""
        return {name: MEASURES[name].unit for name in self.measures}

    @property
    def _asked(self) -> dict[str, str]:
        asked = sorted({MEASURES[name].needs for name in self.measures} - {""})
        return {name: getattr(self.experts, name).digest for name in asked}

    def assess(self, lifted: Lifted) -> Assessment:
        """Measure a lifted pair and name the rules that it breaks.

        Raises:
            ItemError: If the clips do not fit each other or their pictures.
        """
        seen = Seen(lifted, self.side, self.experts)
        values = {name: round(MEASURES[name].compute(seen), _DIGITS) for name in self.measures}
        return Assessment(values, self.broken(values), {name: _told(one) for name, one in seen.judgements.items()})

    def broken(self, values: Mapping[str, float]) -> tuple[str, ...]:
        """Name the rules that values break, in the order of the config."""
        return tuple(name for name, rule in self.rules.items() if not rule.keeps(values[name]))


def _told(judgement: Judgement) -> dict[str, Any]:
    """Keep what a judge said, as plain JSON."""
    return {
        "scores": dict(judgement.scores),
        "replies": [*judgement.replies],
        "failures": [*judgement.failures],
        "settings": dict(judgement.settings),
    }
