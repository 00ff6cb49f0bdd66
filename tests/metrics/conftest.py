"""Lets beartype check arguments that are detectors or records."""

from typing import runtime_checkable

from veggie_pl.data.detections import Detector
from veggie_pl.data.records import Records

for protocol in (
    Detector,
    Records,
):  # a protocol that is not runtime-checkable can be no argument of a checked function
    runtime_checkable(protocol)
