"""Official layouts of data sets, by the name that cards call them."""

from veggie_pl.data.layouts.base import Layout, LayoutError
from veggie_pl.data.layouts.grefcoco import Grefcoco
from veggie_pl.data.layouts.groundmore import Groundmore
from veggie_pl.data.layouts.mevis import Mevis
from veggie_pl.data.layouts.phrasecut import Phrasecut
from veggie_pl.data.layouts.reasonseg import Reasonseg
from veggie_pl.data.layouts.ref_youtube_vos import RefYoutubeVos
from veggie_pl.data.layouts.revos import Revos

LAYOUTS: dict[str, type[Layout]] = {
    layout.kind: layout
    for layout in (
        Phrasecut,
        Grefcoco,
        Reasonseg,
        Mevis,
        RefYoutubeVos,
        Groundmore,
        Revos,
    )
}

__all__ = ["LAYOUTS", "Layout", "LayoutError"]
