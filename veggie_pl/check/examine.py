"""Is a row fit for training? All of its frames are decoded, and what belongs together is compared."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from veggie_pl.data.instructions.faults import words_fault
from veggie_pl.data.table.records import UnfitError, masked_frames, same_ratio
from veggie_pl.data.table.schema import Row
from veggie_pl.masks.rle import MaskError, decode
from veggie_pl.video.clip import ClipError, ClipFile
from veggie_pl.video.media import Media, MediaError

SMALL_SIDE = 32  # side to which frames are reduced for comparisons, in pixels
NO_CHANGE = 1.0  # greatest difference of reduced frames, of 255, that is compression and no edit
PIXELS_AT_ONCE = 2**24  # pixels decoded at a time
LATEST = 3  # frames by which a target may lag or lead that are looked for
STILL = 0.5  # least mean change from frame to frame, of 255, by which motion can be compared


@dataclass(frozen=True)
class Finding:
    """What was found of a row; hashes are of the decoded frames, so other files with the same content are seen."""

    reason: str = ""  # why it cannot be used; empty if it can
    source: int = 0  # hash of the source's frames
    example: int = 0  # hash of all that makes the example
    look: int = 0  # perceptual hash of the source's first and middle frame, 32 bits each


@dataclass(frozen=True)
class _Facts:
    """A clip after decoding."""

    footage: ClipFile
    content: int
    small: UInt8[np.ndarray, "f 32 32 3"]


def examine(row: Row, root: Path, quick: bool = False) -> Finding:
    """Decode a row and compare its parts.

    Args:
        row: Of a table.
        root: Of its media.
        quick: Decode first, middle and last frame only.
    """
    if (fault := words_fault(row.example)) is not None:
        return Finding(" ".join(fault.split()))
    try:
        source = _facts(row.source, root, quick)
        target = _facts(row.target, root, quick) if row.target else None
        if target is not None:
            _check_pair(source, target)
        _check_masks(row, source.footage)
    except (MediaError, ClipError, MaskError, UnfitError) as error:
        return Finding(" ".join(str(error).split()))
    told = (row.example._replace(key=""), row.mask)
    example = _hash(repr((source.content, target and target.content, told)).encode())
    return Finding("", source.content, example, _look(source.small))


@lru_cache(maxsize=4)  # many rows of a data set ask for things in one clip, and follow each other
def _facts(media: tuple[Media, ...], root: Path, quick: bool) -> _Facts:
    footage = ClipFile(media, root, strict=True)
    numbers = list(range(footage.info.num_frames))
    if quick:
        numbers = sorted({0, footage.info.num_frames // 2, footage.info.num_frames - 1})
    if not numbers:
        raise UnfitError("it has no frames")
    digest = hashlib.blake2b(
        repr((footage.info.num_frames, footage.info.height, footage.info.width)).encode(), digest_size=8
    )
    small = []
    step = max(1, PIXELS_AT_ONCE // (footage.info.height * footage.info.width))
    for start in range(0, len(numbers), step):
        for frame in footage.at(numbers[start : start + step]):
            digest.update(frame.tobytes())
            small.append(cv2.resize(frame, (SMALL_SIDE, SMALL_SIDE), interpolation=cv2.INTER_AREA))
    return _Facts(footage, _number(digest.digest()), np.stack(small))


def _check_pair(source: _Facts, target: _Facts) -> None:
    if source.footage.info.num_frames != target.footage.info.num_frames:
        counts = f"{source.footage.info.num_frames} frames, its target {target.footage.info.num_frames}"
        raise UnfitError(f"the source has {counts}")
    same_ratio(source.footage, target.footage.info.height, target.footage.info.width, "target")
    change = np.abs(source.small.astype(np.float32) - target.small).max()
    if change <= NO_CHANGE and len(source.small) == source.footage.info.num_frames:
        raise UnfitError("the target shows no change")
    if lag := lag_of(source.small, target.small):
        raise UnfitError(f"the target {'lags' if lag > 0 else 'leads'} by {abs(lag)} frames")


def lag_of(source: UInt8[np.ndarray, "f h w 3"], target: UInt8[np.ndarray, "f h w 3"]) -> int:
    """Frames by which a target comes late (or early, below zero), told by how both change from frame to frame.

    What an edit does is in the frames, but hardly in their differences; zero unless another shift explains the target's
    motion plainly better than none.
    """
    if len(source) < 3 * LATEST:
        return 0
    before, after = (np.diff(clip.mean(-1, dtype=np.float32), axis=0) for clip in (source, target))
    if min(np.abs(before).mean(), np.abs(after).mean()) < STILL:
        return 0
    likeness = {}
    for lag in range(-LATEST, LATEST + 1):
        length = len(before) - abs(lag)
        likeness[lag] = _correlation(before[max(0, -lag) :][:length], after[max(0, lag) :][:length])
    best = max(likeness, key=lambda lag: likeness[lag])
    return best if likeness[best] > 0.7 and likeness[best] > likeness[0] + 0.2 else 0


def _correlation(first: Float[np.ndarray, "f h w"], second: Float[np.ndarray, "f h w"]) -> float:
    scale = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float((first * second).sum()) / scale if scale else 0.0


def _check_masks(row: Row, source: ClipFile) -> None:
    if not row.mask:
        if row.example.skill.is_painted:
            raise UnfitError("it has no mask")
        return
    masked_frames(row, source)
    shares = []
    for rle in row.mask:
        same_ratio(source, rle.height, rle.width, "mask")
        shares.append(float(decode(rle).mean()))
    if row.example.skill.is_painted and not any(shares):
        raise UnfitError("its mask is empty in all frames")
    if row.example.skill.is_painted and all(share == 1 for share in shares):
        raise UnfitError("its mask covers everything in all frames")


def _look(small: UInt8[np.ndarray, "f 32 32 3"]) -> int:
    """Where brightness rises to the right among 4 x 9 cells, of two frames: Krawetz's difference hash."""
    bits = ""
    for frame in (small[0], small[len(small) // 2]):
        cells = cv2.resize(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), (9, 4), interpolation=cv2.INTER_AREA).astype(int)
        bits += "".join("1" if rises else "0" for rises in (np.diff(cells, axis=1) > 1).flat)
    return int(bits, 2)


def _hash(data: bytes) -> int:
    return _number(hashlib.blake2b(data, digest_size=8).digest())


def _number(digest: bytes) -> int:
    return int.from_bytes(digest, "little")
