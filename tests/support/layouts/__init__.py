"""Miniatures of the official layouts: each module writes one data set, tiny, and says what must come of it."""

from collections.abc import Callable
from pathlib import Path

from support.layouts import (
    ditto_1m,
    erasedraw,
    grefcoco,
    groundmore,
    instructv2v,
    insvie,
    magicbrush,
    mevis,
    openve_3m,
    phrasecut,
    reasonseg,
    ref_youtube_vos,
    revos,
    rovi,
    seed_data_edit,
    senorita_2m,
    smartedit,
    veg_edit,
    vplm,
)

MINIATURES: dict[str, Callable[[Path], None]] = {  # by the name of the card
    "phrasecut": phrasecut.write,
    "grefcoco": grefcoco.write,
    "reasonseg": reasonseg.write,
    "mevis": mevis.write,
    "ref_youtube_vos": ref_youtube_vos.write,
    "groundmore": groundmore.write,
    "revos": revos.write,
    "seed_data_edit": seed_data_edit.write,
    "magicbrush": magicbrush.write,
    "erasedraw": erasedraw.write,
    "smartedit": smartedit.write,
    "instructv2v": instructv2v.write,
    "rovi": rovi.write,
    "vplm": vplm.write,
    "veg_edit": veg_edit.write,
    "senorita_2m": senorita_2m.write,
    "insvie_1m": insvie.write,
    "ditto_1m": ditto_1m.write,
    "openve_3m": openve_3m.write,
}
