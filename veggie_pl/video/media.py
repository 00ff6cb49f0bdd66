"""Where a clip's bytes lie: a file under a data root, a part of one, or bytes in the record table itself."""

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from veggie_pl.errors import UseError


class MediaError(UseError):
    """Media that cannot be read; the message names the path and the reason."""


@dataclass(frozen=True)
class Media:
    """One video or image.

    Args:
        path: Below the data root, with forward slashes; of embedded bytes only the name, whose suffix tells the kind.
        offset: First byte, in bytes, of a part of the file such as a tar's member.
        size: Length of that part in bytes; 0 is the whole file.
        data: The bytes themselves, if they do not lie in a file.
        name: Name of a part, whose suffix tells the kind; empty for a whole file.
    """

    path: str
    offset: int = 0
    size: int = 0
    data: bytes | None = None
    name: str = ""

    @property
    def suffix(self) -> str:
        """Kind of the content by its name, such as ".mp4", in lower case."""
        return PurePosixPath(self.name or self.path).suffix.lower()

    def read(self, root: Path) -> bytes:
        """Return all bytes.

        Raises:
            MediaError: If the file is missing, lies outside the data root, or is shorter than it should be.
        """
        if self.data is not None:
            return self.data
        place = inside(root, self.path)
        try:
            with place.open("rb") as file:
                file.seek(self.offset)
                data = file.read(self.size or -1)
        except OSError as error:
            raise MediaError(f"{place}: {error.strerror or error}") from error
        if self.size and len(data) != self.size:
            raise MediaError(f"{place}: {self.size} bytes wanted from {self.offset} on, but the file ends before")
        return data


def inside(root: Path, path: str) -> Path:
    """Return the file that a relative path names, links resolved.

    Raises:
        MediaError: If it is absolute, leads out of the data root, also through a link, or nowhere: links in a circle,
            or a name that no file can have.
    """
    base = root.resolve()
    try:
        place = (base / path).resolve()
        place.is_file()  # a name that is too long is no fault before
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or ("links in a circle" if isinstance(error, RuntimeError) else error)
        raise MediaError(f"{path[:200]!r}: leads to no file ({reason})") from error
    if place.is_relative_to(base):
        if Path(path).is_absolute():
            raise MediaError(f"{path:.200}: is absolute; write it from the data root on: {place.relative_to(base)}")
        return place
    if not Path(os.path.normpath(base / path)).is_relative_to(base):
        raise MediaError(f"{path:.200}: lies outside the data root {root}")
    both = os.path.commonpath([base, place])
    raise MediaError(
        f"{path:.200}: is, or lies behind, a link to {place}, outside the data root {root}; name a folder that holds "
        f"both with --root, such as {both}, and write paths in the card and its lists from there"
    )
