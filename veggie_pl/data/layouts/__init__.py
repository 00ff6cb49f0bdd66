"""Official layouts of data sets, by the name that cards call them."""

from veggie_pl.data.layouts.base import Layout, LayoutError
from veggie_pl.data.layouts.erasedraw import EraseDraw
from veggie_pl.data.layouts.instructv2v import InstructV2V
from veggie_pl.data.layouts.magicbrush import MagicBrush
from veggie_pl.data.layouts.rovi import Rovi
from veggie_pl.data.layouts.seed_data_edit import SeedDataEdit
from veggie_pl.data.layouts.smartedit import SmartEdit
from veggie_pl.data.layouts.vplm import Vplm

LAYOUTS: dict[str, type[Layout]] = {
    layout.kind: layout
    for layout in (
        EraseDraw,
        InstructV2V,
        MagicBrush,
        Rovi,
        SeedDataEdit,
        SmartEdit,
        Vplm,
    )
}

__all__ = ["LAYOUTS", "Layout", "LayoutError"]
