"""The frames that a row's media hold, behind the few facts that fitting its parts together needs."""

from collections.abc import Sequence
from pathlib import Path

from veggie_pl.data.clips import ClipFile
from veggie_pl.data.media import Media
from veggie_pl.data.readers.base import Frames


class Footage:
    """A clip that is read frame by frame: one video, one image, or one image per frame.

    Args:
        media: From a row.
        root: The data root.

    Raises:
        MediaError, ClipError: If it cannot be read.
    """

    def __init__(self, media: Sequence[Media], root: Path) -> None:
        self._file = ClipFile(media, root)
        info = self._file.info
        self.num_frames, self.fps, self.height, self.width = info.num_frames, info.fps, info.height, info.width

    def get(self, numbers: Sequence[int]) -> Frames:
        """These frames, RGB.

        Raises:
            MediaError, ClipError: If one cannot be read, or images of one clip differ in size.
        """
        return self._file.at(numbers)
