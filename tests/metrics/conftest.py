"""Lets beartype check arguments that are detectors."""

from typing import runtime_checkable

from veggie_pl.data.detections import Detector

runtime_checkable(Detector)  # a protocol that is not can be no argument of a checked function
