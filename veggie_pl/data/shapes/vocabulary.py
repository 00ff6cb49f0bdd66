"""What there is in the world, by name; how large the world is, is a choice of vocabulary."""

from dataclasses import dataclass

Rgb = tuple[float, float, float]  # in [0, 1]

COLORS: dict[str, Rgb] = {
    "red": (0.88, 0.12, 0.12),
    "green": (0.12, 0.70, 0.18),
    "blue": (0.14, 0.25, 0.90),
    "yellow": (0.96, 0.86, 0.12),
    "purple": (0.58, 0.18, 0.72),
    "orange": (0.97, 0.52, 0.08),
    "cyan": (0.15, 0.80, 0.85),
    "pink": (0.98, 0.50, 0.72),
}
SHAPES = ("circle", "square", "triangle", "star", "diamond", "cross", "ring")
SIZES: dict[str, float] = {"small": 0.125, "large": 0.19, "huge": 0.25}  # radius as a share of the picture's side
MOTIONS: dict[str, tuple[float, float]] = {  # direction, x to the right and y down
    "static": (0.0, 0.0),
    "left": (-1.0, 0.0),
    "right": (1.0, 0.0),
    "up": (0.0, -1.0),
    "down": (0.0, 1.0),
}
SPEEDS: dict[str, float] = {"slow": 0.18, "fast": 0.42}  # shares of the side per clip of eight frames
BACKGROUNDS: dict[str, str] = {  # kind -> how an instruction names it
    "beach": "on the beach",
    "night": "a night sky",
    "snow": "a snowy day",
    "meadow": "a meadow",
    "desert": "in the desert",
    "dusk": "at dusk",
}
STYLES = ("negative", "black-and-white", "sepia", "pixel-art", "posterized")
TEXTURES = ("plain", "striped")


@dataclass(frozen=True)
class Vocabulary:
    """The names in use: a smaller world is learnt sooner."""

    shapes: tuple[str, ...]
    colors: tuple[str, ...]
    sizes: tuple[str, ...]
    backgrounds: tuple[str, ...]
    styles: tuple[str, ...]
    textures: tuple[str, ...] = TEXTURES

    def is_held_out(self, shape: str, color: str) -> bool:
        """Whether this composition is kept for the test split: a quarter of them, each word in others too."""
        return (self.shapes.index(shape) + self.colors.index(color)) % 4 == 0


VOCABULARIES = {
    "small": Vocabulary(
        SHAPES[:4],
        tuple(COLORS)[:4],
        ("small", "large"),
        ("beach", "night", "snow"),
        ("negative", "black-and-white", "sepia"),
    ),
    "large": Vocabulary(SHAPES, tuple(COLORS), tuple(SIZES), tuple(BACKGROUNDS), STYLES),
}


def vocabulary(name: str) -> Vocabulary:
    """Look a vocabulary up.

    Raises:
        ValueError: If there is none of that name.
    """
    if name not in VOCABULARIES:
        raise ValueError(f"unknown vocabulary {name!r}; the choices are {', '.join(VOCABULARIES)}")
    return VOCABULARIES[name]
