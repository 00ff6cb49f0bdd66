"""Moving Shapes, the embedded world: procedural videos whose every edit has one exact answer."""

from veggie_pl.data.shapes.benchmark import ShapesBenchmark
from veggie_pl.data.shapes.records import ShapesRecords

__all__ = ["ShapesBenchmark", "ShapesRecords"]
