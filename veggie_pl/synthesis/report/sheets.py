"""Contact sheets: a few frames of both clips of a pair, one above the other."""

import base64
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import UInt8

from veggie_pl.errors import one_line
from veggie_pl.synthesis.item import PAIR
from veggie_pl.synthesis.lifter import Lifter
from veggie_pl.synthesis.outcome import Outcome
from veggie_pl.synthesis.protocols import Frames, ItemError, Picture
from veggie_pl.video.frames import uniform
from veggie_pl.video.mp4 import decode_mp4

log = logging.getLogger(__name__)
NUM_PAIRS = 12  # of each kind
NUM_FRAMES = 5
HEIGHT = 112  # pixels of a frame
GAP = 4
QUALITY = 85


@dataclass(frozen=True)
class Sheet:
    """A pair to look at.

    Args:
        outcome: What became of it.
        instruction: The edit.
        picture: The clip that was set in motion above the one that was carried along.
    """

    outcome: Outcome
    instruction: str
    picture: Picture

    @property
    def address(self) -> str:
        """The picture inside a page."""
        done, data = cv2.imencode(".jpg", self.picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        assert done
        return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()


def sheets(outcomes: Sequence[Outcome], lifter: Lifter, state: str) -> list[Sheet]:
    """Draw some pairs of a kind, at even distances; of rejected ones some of each rule. They are made again if need be.

    Args:
        outcomes: Of all items.
        lifter: That made them.
        state: "kept" or "rejected".
    """
    own = [one for one in outcomes if one.state == state]
    chosen = _some(own) if state == "kept" else _of_each_rule(own)
    return [sheet for one in chosen for sheet in _sheet(one, lifter)]


def drawn(source: Frames, target: Frames) -> UInt8[np.ndarray, "h2 w2 3"]:
    """Draw two clips."""
    rows = []
    for clip in (source, target):
        height, width = clip.shape[1:3]
        size = (max(1, round(width * HEIGHT / height)), HEIGHT)
        numbers = uniform(range(len(clip)), NUM_FRAMES)
        frames = [cv2.resize(clip[number], size, interpolation=cv2.INTER_AREA) for number in numbers]
        gap = np.full((HEIGHT, GAP, 3), 255, np.uint8)
        rows.append(np.concatenate([part for frame in frames for part in (frame, gap)][:-1], 1))
    return np.concatenate([rows[0], np.full((GAP, rows[0].shape[1], 3), 255, np.uint8), rows[1]])


def _sheet(outcome: Outcome, lifter: Lifter) -> Iterator[Sheet]:
    try:
        stored = [lifter.store.read("pair", outcome.pair, file) for file in PAIR] if outcome.pair else []
        clips = [decode_mp4(data) for data in stored if data is not None]
        source, target = clips if len(clips) == len(PAIR) else lifter.clips(outcome.number)
        yield Sheet(outcome, lifter.stills.example(outcome.number).instruction or "", drawn(source, target))
    except (ItemError, OSError, ValueError) as error:  # a page lacks a picture rather than a run its end
        log.warning("%s is not drawn: %s", outcome.key, one_line(error))


def _some(outcomes: Sequence[Outcome]) -> list[Outcome]:
    count = min(NUM_PAIRS, len(outcomes))
    return [outcomes[place * len(outcomes) // count] for place in range(count)]


def _of_each_rule(outcomes: Sequence[Outcome]) -> list[Outcome]:
    by_rule: dict[str, list[Outcome]] = {}
    for one in outcomes:
        by_rule.setdefault(one.rejected[0], []).append(one)
    chosen: list[Outcome] = []
    for turn in range(NUM_PAIRS):
        chosen += [own[turn] for own in by_rule.values() if turn < len(own)]
    return chosen[:NUM_PAIRS]
