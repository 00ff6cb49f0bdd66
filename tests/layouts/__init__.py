"""Miniatures of the official layouts: each module writes one data set, tiny, and says what must come of it."""

from collections.abc import Callable
from pathlib import Path

from layouts import grefcoco, groundmore, mevis, phrasecut, reasonseg, ref_youtube_vos, revos

MINIATURES: dict[str, Callable[[Path], None]] = {  # by the name of the card
    "phrasecut": phrasecut.write,
    "grefcoco": grefcoco.write,
    "reasonseg": reasonseg.write,
    "mevis": mevis.write,
    "ref_youtube_vos": ref_youtube_vos.write,
    "groundmore": groundmore.write,
    "revos": revos.write,
}
