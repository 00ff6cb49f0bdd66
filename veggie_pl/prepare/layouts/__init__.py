"""Official layouts of data sets, by the name that cards call them."""

from veggie_pl.prepare.layouts.base import Layout, LayoutError
from veggie_pl.prepare.layouts.editverse import EditVerse
from veggie_pl.prepare.layouts.erasedraw import EraseDraw
from veggie_pl.prepare.layouts.five import Five
from veggie_pl.prepare.layouts.folders import PairedFolders
from veggie_pl.prepare.layouts.grefcoco import Grefcoco
from veggie_pl.prepare.layouts.groundmore import Groundmore
from veggie_pl.prepare.layouts.instructv2v import InstructV2V
from veggie_pl.prepare.layouts.insvie import InsVie
from veggie_pl.prepare.layouts.magicbrush import MagicBrush
from veggie_pl.prepare.layouts.mevis import Mevis
from veggie_pl.prepare.layouts.pairs import PairList
from veggie_pl.prepare.layouts.phrasecut import Phrasecut
from veggie_pl.prepare.layouts.reasonseg import Reasonseg
from veggie_pl.prepare.layouts.reasonvos import ReasonVos
from veggie_pl.prepare.layouts.ref_youtube_vos import RefYoutubeVos
from veggie_pl.prepare.layouts.revos import Revos
from veggie_pl.prepare.layouts.rovi import Rovi
from veggie_pl.prepare.layouts.seed_data_edit import SeedDataEdit
from veggie_pl.prepare.layouts.smartedit import SmartEdit
from veggie_pl.prepare.layouts.vplm import Vplm
from veggie_pl.prepare.layouts.webdataset import WebDataset

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
    EditVerse,
    Five,
    ReasonVos,
)
LAYOUTS: dict[str, type[Layout]] = {layout.kind: layout for layout in _ALL}

__all__ = ["LAYOUTS", "Layout", "LayoutError"]
