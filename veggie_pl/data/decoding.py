"""From media to frames: whole files, parts of files, bytes and lists of images, behind one small interface."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from veggie_pl.data.clips import IMAGES, ClipError, ClipFile
from veggie_pl.data.media import Media, inside


class Footage:
    """A clip that is read frame by frame: one video, one image, or one image per frame.

    Args:
        media: From a row.
        root: The data root.

    Raises:
        MediaError, ClipError: If it cannot be read.
    """

    def __init__(self, media: Sequence[Media], root: Path) -> None:
        self.media, self.root = media, root
        self._video: ClipFile | None = None
        first = media[0]
        if len(media) > 1 or first.suffix in IMAGES:
            self.num_frames, self.fps = len(media), 0.0
            self.height, self.width = self._image(0).shape[:2]
            return
        if first.data is None and not first.size:
            self._video = ClipFile(inside(root, first.path))
        else:
            with tempfile.NamedTemporaryFile(suffix=first.suffix) as file:
                file.write(first.read(root))
                file.flush()
                self._video = ClipFile(file.name)
        info = self._video.info
        self.num_frames, self.fps, self.height, self.width = info.num_frames, info.fps, info.height, info.width

    def get(self, numbers: Sequence[int]) -> UInt8[np.ndarray, "f h w 3"]:
        """These frames, RGB.

        Raises:
            MediaError, ClipError: If one cannot be read, or images of one clip differ in size.
        """
        if self._video is not None:
            return self._video._get(list(numbers))
        read = {number: self._image(number) for number in set(numbers)}
        if sizes := {frame.shape[:2] for frame in read.values()} - {(self.height, self.width)}:
            raise ClipError(f"{self.media[0].path}: frames of {self.height} x {self.width} and of {sorted(sizes)[0]}")
        return np.stack([read[number] for number in numbers])

    def _image(self, number: int) -> UInt8[np.ndarray, "h w 3"]:
        media = self.media[number]
        image = cv2.imdecode(np.frombuffer(media.read(self.root), np.uint8), cv2.IMREAD_COLOR)
        if image is None:
            raise ClipError(f"{media.name or media.path}: not an image that can be read")
        return np.asarray(image[..., ::-1])
