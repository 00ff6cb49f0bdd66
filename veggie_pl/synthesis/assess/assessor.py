"""The filter: every pair is measured, and kept if it breaks no rule."""

from functools import cached_property

from veggie_pl.errors import UseError
from veggie_pl.synthesis.assess.measures import MEASURES
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

    Raises:
        UseError: If a measure or the preset is unknown, or a number cannot be.
    """

    def __init__(
        self,
        preset: str = "embedded",
        rules: dict[str, Rule] | None = None,
        also: tuple[str, ...] = (),
        side: int = 96,
    ) -> None:
        self.preset, self.side = preset, side
        self.rules = find_preset(preset) | (rules or {})
        self.measures = dict.fromkeys((*self.rules, *also))
        if unknown := [name for name in self.measures if name not in MEASURES]:
            raise UseError(f"no measures of pairs are called {unknown}; the choices are {', '.join(MEASURES)}")

    @cached_property
    def digest(self) -> str:
        """Class, rules and measures."""
        rules = {name: rule.settings for name, rule in self.rules.items()}
        return digest_of_step(self, 1, rules=rules, measures=[*self.measures], side=self.side)

    @property
    def units(self) -> dict[str, str]:
        """Unit of each measure, for reports."""
        return {name: MEASURES[name].unit for name in self.measures}

    def assess(self, lifted: Lifted) -> Assessment:
        """Measure a lifted pair and name the rules that it breaks.

        Raises:
            ItemError: If the clips do not fit each other or their pictures.
        """
        seen = Seen(lifted, self.side)
        values = {name: round(MEASURES[name].compute(seen), _DIGITS) for name in self.measures}
        broken = tuple(name for name, rule in self.rules.items() if not rule.keeps(values[name]))
        return Assessment(values, broken)
