"""Lets beartype check arguments that are detectors or records."""

from typing import runtime_checkable

from veggie_pl.data.records import Records
from veggie_pl.experts.detections import Detector

for protocol in (
    Detector,
    Records,
):  # a protocol that is not runtime-checkable can be no argument of a checked function
    runtime_checkable(protocol)
