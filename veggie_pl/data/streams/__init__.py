"""Streams: records to samples, one class per kind of supervision."""

from veggie_pl.data.streams.base import Stream
from veggie_pl.data.streams.editing import EditingStream
from veggie_pl.data.streams.grounding import GroundingStream
from veggie_pl.data.streams.reasoning import ReasoningStream

__all__ = ["EditingStream", "GroundingStream", "ReasoningStream", "Stream"]
