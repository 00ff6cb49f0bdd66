"""Image-edit pairs of a prepared table, decoded and judged one by one."""

import hashlib
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from jaxtyping import UInt8

from veggie_pl.batch import Example, is_blank
from veggie_pl.data.instructions.faults import words_fault
from veggie_pl.data.streams import instruction_of
from veggie_pl.data.table.records import TableRecords, UnfitError, same_ratio
from veggie_pl.data.table.schema import Row
from veggie_pl.errors import one_line
from veggie_pl.synthesis.directions import WORDED, undone
from veggie_pl.synthesis.protocols import Frames, ItemError, Picture, Still
from veggie_pl.synthesis.store import name_of
from veggie_pl.video.clip import ClipError, ClipFile
from veggie_pl.video.frames import window
from veggie_pl.video.media import Media, MediaError

Moved = Literal["source", "target"]
Size = tuple[int, int]  # height and width in pixels


@dataclass(frozen=True)
class Recorded:
    """The video whose first frame a still's source is."""

    file: ClipFile
    numbers: range  # of the frames that count
    size: Size | None  # that frames are stretched to

    def frames(self, numbers: range) -> Frames:
        """Decode some of the frames, counted from the first that counts."""
        found = self.file.at([self.numbers[number] for number in numbers])
        return found if self.size is None else np.stack([_stretched(frame, self.size) for frame in found])


@dataclass(frozen=True)
class RecordedStill(Still):
    """A still whose source is the first frame of a real video."""

    video: Recorded | None = None


class Stills:
    """Rows of a table as pairs of pictures: ``stills[i]`` is row i; of a video, its first frame that counts.

    Args:
        table: Folder of a prepared table.
        root: Folder of the media, if they lie elsewhere than when they were prepared.
        size: Height and width that both pictures are stretched to; None keeps them, and they have to agree.
        moved: Which of the two is set in motion. "target" is for tables whose target is a real video: it stays as it
            is, and what is made becomes the source of the edit.

    Raises:
        TableError: If there is no such table.
    """

    def __init__(self, table: str, root: str | None = None, size: Size | None = None, moved: Moved = "source") -> None:
        self.records = TableRecords(table, root=root)
        self.size, self.moved = size, moved
        bad = set(self.records.bad_rows())
        self.numbers = [number for number in range(len(self.records)) if number not in bad]  # rows that ``check`` left

    def __len__(self) -> int:
        return len(self.records)

    def key(self, number: int) -> str:
        """Name a row without decoding it."""
        return self.records.key(number)

    def fingerprint(self, number: int) -> str:
        """Hash what a row is made of, without decoding it: its facts, and size and time of its files."""
        return name_of(self.records.fingerprint(number), self.size, self.moved)

    def example(self, number: int) -> Example:
        """Return the facts of a row, with the instruction that training would see.

        Raises:
            ItemError: If it has none and none can be worded, or no model can be asked with it.
        """
        return self._asked(self.records.table.row(number))

    def __getitem__(self, number: int) -> RecordedStill:
        """Decode a row.

        Raises:
            ItemError: If it cannot be read, its pictures do not fit each other, or nothing is asked.
        """
        row = self.records.table.row(number)
        example = self._asked(row)
        if not row.target:
            raise ItemError("it has no target")
        media = {"source": row.source, "target": row.target}
        try:
            files = {name: ClipFile(one, self.records.root) for name, one in media.items()}
            source, target = files["source"], files["target"]
            own, other = source.info, target.info
            if self.size is not None:
                same_ratio(source, other.height, other.width, "target")
            elif (own.height, own.width) != (other.height, other.width):
                raise ItemError(
                    f"the source has {own.height} x {own.width} pixels, the target {other.height} x {other.width}; "
                    "--size stretches both"
                )
            numbers = {name: self._numbers(one, row.example) for name, one in files.items()}
            pictures = {name: self._picture(one, numbers[name]) for name, one in files.items()}
        except (MediaError, ClipError, UnfitError) as error:
            raise ItemError(one_line(error)) from error
        is_video = files[self.moved].info.num_frames > 1
        video = Recorded(files[self.moved], numbers[self.moved], self.size) if is_video else None
        if self.moved == "target":
            pictures = {"source": pictures["target"], "target": pictures["source"]}
            example = undone(example)
        clip = _digest(media[self.moved], self.records, numbers[self.moved]) if is_video else ""
        digest = _hash(example, pictures["source"], pictures["target"], clip)
        return RecordedStill(example, pictures["source"], pictures["target"], digest, video)

    def _asked(self, row: Row) -> Example:
        example = row.example
        if example.instruction is None and example.skill in WORDED and not is_blank(example.phrase):
            words = instruction_of(example, self.records.table.info.wordings, phrase=example.phrase)
            example = example._replace(instruction=words)
        if is_blank(example.instruction or ""):
            raise ItemError("the instruction is empty")
        if (fault := words_fault(example)) is not None:
            raise ItemError(fault)
        return example

    def _numbers(self, file: ClipFile, example: Example) -> range:
        if file.info.num_frames == 1 or not (example.start or example.stop):
            return range(file.info.num_frames)
        try:
            return window(file.seconds, example.start, example.stop)
        except ValueError as error:
            raise ItemError(one_line(error)) from error

    def _picture(self, file: ClipFile, numbers: range) -> Picture:
        frame = file.at([numbers[0]])[0]
        return np.ascontiguousarray(frame if self.size is None else _stretched(frame, self.size))


def _stretched(frame: Picture, size: Size) -> UInt8[np.ndarray, "h2 w2 3"]:
    height, width = size
    if frame.shape[:2] == size:
        return frame
    smaller = height * width < frame.shape[0] * frame.shape[1]
    method = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.ascontiguousarray(frame), (width, height), interpolation=method))


def _hash(example: Example, source: Picture, target: Picture, clip: str) -> str:
    digest = hashlib.blake2b(repr((example, source.shape, clip)).encode(errors="backslashreplace"), digest_size=16)
    digest.update(source.tobytes())
    digest.update(target.tobytes())
    return digest.hexdigest()


def _digest(media: tuple[Media, ...], records: TableRecords, numbers: range) -> str:
    digest = hashlib.blake2b(repr(numbers).encode(), digest_size=16)
    for one in media:
        digest.update(one.read(records.root))
    return digest.hexdigest()
