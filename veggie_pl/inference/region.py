"""A region from outside: which pixels an edit may change, in place of what the model finds itself."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from veggie_pl.errors import UseError
from veggie_pl.file_names import in_order
from veggie_pl.video.clip import ClipFile, ClipInfo
from veggie_pl.video.media import Media

Region = Float[Tensor, "f h w"]  # how much of each pixel may change, in [0, 1]
NEAR = 16  # of 255: what lies so near to black or white is that, and was moved by a codec
GRAY = 64  # of 255: how far the channels of a gray pixel may lie apart, after a codec
AT_ONCE = 64  # frames


class RegionFile:
    """White where an edit may change pixels, black where the source stays to the last bit, gray between.

    Args:
        path: A video or a folder of pictures with as many frames as the source, or one picture for all of them.
        info: Of the source.

    Raises:
        UseError: If it cannot be read, or its size or number of frames is not the source's.
    """

    def __init__(self, path: Path, info: ClipInfo) -> None:
        self.path, self.num_frames = path, info.num_frames
        self.file = ClipFile(_pictures(path), path) if path.is_dir() else ClipFile(path)
        found = self.file.info
        _check_size(
            str(path), found.num_frames, (found.height, found.width), info.num_frames, (info.height, info.width)
        )

    def __call__(self, start: int, stop: int) -> Region:
        """Read the shares of frames ``start .. stop - 1`` of the source.

        Raises:
            UseError: If one cannot be decoded or is not gray.
        """
        if self.file.info.num_frames == 1:
            return region_of(self.file.frames(0, 1), str(self.path)).expand(stop - start, -1, -1)
        return region_of(self.file.frames(start, stop), str(self.path))

    def check(self) -> None:
        """Read all of it.

        Raises:
            UseError: If a frame cannot be read, or nothing is white in any of them: then nothing could be edited.
        """
        count = min(self.num_frames, self.file.info.num_frames)
        some = [bool(self(start, min(start + AT_ONCE, count)).any()) for start in range(0, count, AT_ONCE)]
        if not any(some):
            raise UseError(_empty(str(self.path)))


def region_of(frames: UInt8[np.ndarray, "f h w 3"], name: str) -> Region:
    """Turn pictures of a region into shares.

    Raises:
        UseError: If they are not gray.
    """
    if len(frames) and int((frames.max(-1) - frames.min(-1)).max()) > GRAY:
        raise UseError(f"{name}: a region is white where pixels may change and black elsewhere, but this has colours")
    shares = torch.from_numpy(frames[..., 1].astype(np.float32))
    return ((shares - NEAR) / (255 - 2 * NEAR)).clamp(0, 1)


def region_in_memory(frames: UInt8[np.ndarray, "r h w 3"], like: UInt8[np.ndarray, "f h2 w2 3"]) -> Region:
    """Turn pictures of a region, as many as frames or one for all, into shares.

    Raises:
        UseError: If they do not fit the frames, are not gray, or nothing is white.
    """
    _check_size("region", len(frames), frames.shape[1:3], len(like), like.shape[1:3])
    region = region_of(frames, "region")
    if not region.any():
        raise UseError(_empty("region"))
    return region.expand(len(like), -1, -1)


def _check_size(name: str, count: int, size: tuple[int, ...], num_frames: int, of_source: tuple[int, ...]) -> None:
    if tuple(size) != tuple(of_source):
        sizes = f"{size[1]} x {size[0]} pixels, but the source has {of_source[1]} x {of_source[0]}"
        raise UseError(f"{name}: a region of {sizes}; make it as large")
    if count not in (1, num_frames):
        frames = f"{count} frames, but the source has {num_frames}"
        raise UseError(f"{name}: a region of {frames}; give one picture for all of them, or as many")


def _empty(name: str) -> str:
    return f"{name}: nothing of it is white, so nothing may be edited; white is where pixels may change"


def _pictures(folder: Path) -> list[Media]:
    found = [Media(path.name) for path in in_order(folder) if path.suffix.lower() == ".png"]
    if not found:
        raise UseError(f"{folder}: holds no .png; a region is a video, a picture or a folder of PNGs")
    return found
