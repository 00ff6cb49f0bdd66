"""Clips of a report's samples, read again to be looked at."""

import logging
from collections.abc import Mapping
from pathlib import Path

from veggie_pl.data.streams import Stream
from veggie_pl.errors import UseError
from veggie_pl.metrics.edited_files import edit_file
from veggie_pl.metrics.report import SampleScore
from veggie_pl.scoring.fit import Shape, read_fitted
from veggie_pl.scoring.page import Shown

log = logging.getLogger(__name__)
FPS = 8.0  # at which clips are shown


class ClipsOnDisk:
    """Reads source and answer of a bench's example, and the output as it was compared; implements ``ClipSource``.

    Args:
        streams: Of the bench.
        outputs: Folder of the outputs.
    """

    def __init__(self, streams: Mapping[str, Stream], outputs: Path) -> None:
        self.streams, self.outputs = streams, outputs

    def __call__(self, sample: SampleScore) -> Shown | None:
        """Read the clips of a sample; None for an output that failed, or is not there any more."""
        if sample.state != "scored":
            return None
        try:
            example = self.streams[sample.skill][sample.index]
            frames, _, height, width = example.source.shape
            output = read_fitted(edit_file(self.outputs / sample.output), Shape(frames, height, width))
        except UseError as error:
            log.warning("%s is not shown: %s", sample.key, " ".join(str(error).split()))
            return None
        mask = example.mask if example.mask.any() else None
        return Shown(example.source, output, mask if example.target is None else example.target, FPS)
