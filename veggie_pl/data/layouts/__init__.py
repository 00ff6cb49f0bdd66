"""Official layouts of data sets, by the name that cards call them."""

from veggie_pl.data.layouts.base import Layout, LayoutError

_ALL: tuple[type[Layout], ...] = ()
LAYOUTS: dict[str, type[Layout]] = {layout.kind: layout for layout in _ALL}

__all__ = ["LAYOUTS", "Layout", "LayoutError"]
