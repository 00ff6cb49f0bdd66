"""Rules that others publish or that our own benchmark found, by name."""

from veggie_pl.errors import UseError
from veggie_pl.synthesis.assess.rules import Rule

PRESETS: dict[str, dict[str, Rule]] = {
    "none": {},
    "embedded": {
        "first_frame": Rule(least=30.0),
        "black": Rule(most=0.0),
        "frozen": Rule(most=0.5),
        "edit_left": Rule(least=0.4),
    },
}


def find_preset(name: str) -> dict[str, Rule]:
    """Return rules by name.

    Raises:
        UseError: If there are none of this name.
    """
    if name not in PRESETS:
        raise UseError(f"no preset {name!r} of rules; the choices are {', '.join(PRESETS)}")
    return dict(PRESETS[name])
