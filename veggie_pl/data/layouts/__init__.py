"""Official layouts of data sets, by the name that cards call them."""

from veggie_pl.data.layouts.base import Layout, LayoutError
from veggie_pl.data.layouts.erasedraw import EraseDraw
from veggie_pl.data.layouts.folders import PairedFolders
from veggie_pl.data.layouts.grefcoco import Grefcoco
from veggie_pl.data.layouts.groundmore import Groundmore
from veggie_pl.data.layouts.instructv2v import InstructV2V
from veggie_pl.data.layouts.insvie import InsVie
from veggie_pl.data.layouts.magicbrush import MagicBrush
from veggie_pl.data.layouts.mevis import Mevis
from veggie_pl.data.layouts.pairs import PairList
from veggie_pl.data.layouts.phrasecut import Phrasecut
from veggie_pl.data.layouts.reasonseg import Reasonseg
from veggie_pl.data.layouts.ref_youtube_vos import RefYoutubeVos
from veggie_pl.data.layouts.revos import Revos
from veggie_pl.data.layouts.rovi import Rovi
from veggie_pl.data.layouts.seed_data_edit import SeedDataEdit
from veggie_pl.data.layouts.smartedit import SmartEdit
from veggie_pl.data.layouts.vplm import Vplm
from veggie_pl.data.layouts.webdataset import WebDataset

_ALL: tuple[type[Layout], ...] = (
    PairedFolders,
    PairList,
    WebDataset,
    Phrasecut,
    Grefcoco,
    Reasonseg,
    Mevis,
    RefYoutubeVos,
    Groundmore,
    Revos,
    SeedDataEdit,
    MagicBrush,
    EraseDraw,
    SmartEdit,
    InstructV2V,
    Rovi,
    Vplm,
    InsVie,
)
LAYOUTS: dict[str, type[Layout]] = {layout.kind: layout for layout in _ALL}

__all__ = ["LAYOUTS", "Layout", "LayoutError"]
