"""What Moving Shapes can contain: the names of a world, and what each name stands for."""

from dataclasses import dataclass

from veggie_pl.errors import UseError

RGB = tuple[float, float, float]  # in [0, 1]

COLORS: dict[str, RGB] = {
    "red": (0.90, 0.10, 0.10),
    "green": (0.08, 0.65, 0.15),
    "blue": (0.12, 0.22, 0.92),
    "yellow": (0.96, 0.88, 0.08),
    "orange": (0.97, 0.50, 0.05),
    "purple": (0.50, 0.10, 0.70),
    "pink": (0.98, 0.45, 0.75),
    "cyan": (0.10, 0.80, 0.85),
}
SIZES: dict[str, float] = {"small": 0.13, "medium": 0.16, "large": 0.19}  # radius as a share of the frame
BACKGROUNDS: dict[str, str] = {  # kind -> how an instruction names it
    "wall": "a gray wall",
    "night": "a night sky",
    "beach": "a beach",
    "meadow": "a meadow",
    "snow": "falling snow",
    "sunset": "a sunset",
}
SPEEDS: dict[str, float] = {"slowly": 0.20, "fast": 0.42}  # frame widths per clip
DIRECTIONS: dict[str, tuple[float, float]] = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}

STILL_QUESTIONS = (
    "largest",
    "smallest",
    "leftmost",
    "rightmost",
    "highest",
    "lowest",
    "left_of",
    "right_of",
    "above",
    "below",
    "odd_color",
    "odd_shape",
)
MOVING_QUESTIONS = (
    "fastest",
    "static",
    "moving_left",
    "moving_right",
    "moving_up",
    "moving_down",
    "towards",
    "hidden",
)


@dataclass(frozen=True)
class Vocabulary:
    """The names that scenes of one world draw from; all sizes of the world are the lengths of these."""

    shapes: tuple[str, ...] = ("circle", "square", "triangle", "star")
    colors: tuple[str, ...] = ("red", "green", "blue", "yellow")
    textures: tuple[str, ...] = ("plain", "striped")  # the first is not mentioned
    backgrounds: tuple[str, ...] = ("wall", "night", "beach")
    sizes: tuple[str, ...] = ("small", "large")  # from small to large
    motions: tuple[str, ...] = ("static", "left", "right", "up", "down")
    styles: tuple[str, ...] = ("negative", "sketch", "sepia")
    fills: tuple[str, ...] = ("red", "blue")  # at least two, so that one differs from any object
    questions: tuple[str, ...] = STILL_QUESTIONS + MOVING_QUESTIONS
    new_size: str = "large"  # of added objects: instructions do not say it


SMALL = Vocabulary()
LARGE = Vocabulary(
    shapes=(*SMALL.shapes, "diamond", "cross", "ring"),
    colors=(*SMALL.colors, "orange", "purple", "pink", "cyan"),
    textures=("plain", "striped", "checkered"),
    backgrounds=(*SMALL.backgrounds, "meadow", "snow", "sunset"),
    sizes=("small", "medium", "large"),
    motions=(*SMALL.motions, "circle", "accelerate left", "accelerate right", "accelerate up", "accelerate down"),
    styles=(*SMALL.styles, "pixel art", "night vision"),
    fills=("red", "green", "blue", "yellow", "cyan", "magenta"),
)
VOCABULARIES: dict[str, Vocabulary] = {"small": SMALL, "large": LARGE}


def find_vocabulary(name: str) -> Vocabulary:
    """The vocabulary of this name.

    Raises:
        UseError: If there is none.
    """
    if name not in VOCABULARIES:
        raise UseError(f"unknown vocabulary {name!r}; the choices are {', '.join(VOCABULARIES)}")
    return VOCABULARIES[name]


def is_held_out(vocabulary: Vocabulary, shape: str, color: str) -> bool:
    """Whether this pair is kept for tests: every fourth diagonal of the table shapes x colours.

    Every shape and every colour still occurs in training in other pairs, and a larger vocabulary that starts with a
    smaller one holds the same pairs out.
    """
    return (vocabulary.colors.index(color) - vocabulary.shapes.index(shape)) % 4 == 1
