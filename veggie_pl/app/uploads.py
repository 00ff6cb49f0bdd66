"""Names of uploads: ours, whatever the browser says."""

import secrets
from pathlib import PurePosixPath

from gradio import route_utils

from veggie_pl.video.formats import IMAGES, VIDEOS


class NamelessParser(route_utils.GradioMultiPartParser):  # type: ignore[misc]
    """Gradio's reader of uploads, for which every file is called by chance; of its name stays a known suffix.

    Gradio itself keeps the name, less what file systems do not take, and gives equal files one path, so that removing
    one person's removes another's.
    """

    def on_headers_finished(self) -> None:
        """Forget the name of the file that begins."""
        super().on_headers_finished()
        if (file := self._current_part.file) is not None:
            file.filename = nameless_upload(file.filename or "")


def nameless_upload(name: str) -> str:
    """Make a name of an upload: 16 digits by chance and its suffix, if it is one that clips have."""
    suffix = PurePosixPath(name).suffix.lower()
    return secrets.token_hex(8) + (suffix if suffix in VIDEOS | IMAGES else "")


def forget_names() -> None:
    """Let Gradio read uploads so, in this process."""
    route_utils.GradioMultiPartParser = NamelessParser
