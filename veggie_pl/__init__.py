"""VEGGIE (arXiv:2503.14350): instructional video editing and grounding with one model and one loss."""

__version__ = "0.1.0"
