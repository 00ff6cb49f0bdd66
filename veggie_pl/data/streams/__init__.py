"""Streams: one file per kind of supervision, each a map from index to sample."""

from veggie_pl.data.streams.base import Stream
from veggie_pl.data.streams.editing import EditingStream
from veggie_pl.data.streams.grounding import GroundingStream
from veggie_pl.data.streams.reasoning import ReasoningStream

__all__ = ["EditingStream", "GroundingStream", "ReasoningStream", "Stream"]
