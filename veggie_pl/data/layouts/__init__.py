"""Official layouts of data sets, by the name that cards call them."""

from veggie_pl.data.layouts.base import Layout, LayoutError
from veggie_pl.data.layouts.folders import PairedFolders
from veggie_pl.data.layouts.pairs import PairList
from veggie_pl.data.layouts.webdataset import WebDataset

_ALL: tuple[type[Layout], ...] = (
    PairedFolders,
    PairList,
    WebDataset,
)
LAYOUTS: dict[str, type[Layout]] = {layout.kind: layout for layout in _ALL}

__all__ = ["LAYOUTS", "Layout", "LayoutError"]
