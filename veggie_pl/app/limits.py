"""What a page takes: size and length of clips, and how much may wait."""

from dataclasses import dataclass
from pathlib import Path

from veggie_pl.errors import UseError
from veggie_pl.video.clip import ClipError, ClipFile


@dataclass(frozen=True)
class Limits:
    """Limits of a page.

    Args:
        megabytes: Of an upload, 10**6 bytes each.
        frames: Of a clip.
        waiting: Edits that may wait for the one at work.
        minutes: How long files stay that nobody asked to be removed before.
    """

    megabytes: int = 100
    frames: int = 1024
    waiting: int = 20
    minutes: int = 60

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 1:
                raise UseError(f"--max-{name} must be 1 or more, got {value}")


def open_clip(path: Path, limits: Limits) -> ClipFile:
    """Open an upload and look whether it can be edited; nothing but its first frame is decoded.

    Raises:
        ClipError: If it is no clip, is damaged or has too many frames; the message does not tell where it lies.
    """
    try:
        file = ClipFile(path)
        file.frames(0, 1)
    except ClipError as error:
        raise ClipError(nameless(error, path)) from error
    if file.info.num_frames > limits.frames:
        raise ClipError(f"the clip has {file.info.num_frames} frames; this page takes {limits.frames} at most")
    return file


def nameless(error: BaseException, path: Path, region: Path | None = None) -> str:
    """Return the message of an error with "the clip", "the region" in place of paths that mean nothing to who reads."""
    said = str(error).replace(str(path), "the clip")
    return said.replace(str(region), "the region") if region else said
