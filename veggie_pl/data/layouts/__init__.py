"""Official layouts of data sets, by the name that cards call them."""

from veggie_pl.data.layouts.base import Layout, LayoutError

LAYOUTS: dict[str, type[Layout]] = {layout.kind: layout for layout in ()}

__all__ = ["LAYOUTS", "Layout", "LayoutError"]
