"""Moving Shapes: an embedded procedural world in which all eight skills have an exact answer."""

from veggie_pl.data.shapes.benchmark import ShapesBenchmark
from veggie_pl.data.shapes.records import ShapesRecords

__all__ = ["ShapesBenchmark", "ShapesRecords"]
