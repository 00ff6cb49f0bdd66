"""VEGGIE (arXiv:2503.14350): instructional video editing and grounding with one model and one loss."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from veggie_pl.inference.pipeline import VeggiePipeline

__all__ = ["VeggiePipeline"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import the pipeline, and with it torch, only when it is asked for."""
    if name == "VeggiePipeline":
        from veggie_pl.inference.pipeline import VeggiePipeline

        return VeggiePipeline
    raise AttributeError(f"module 'veggie_pl' has no attribute {name!r}")
