"""Files and folders that a card names, below the root and nowhere else."""

from collections.abc import Sequence
from pathlib import Path

from veggie_pl.file_names import matching
from veggie_pl.prepare.layouts.base import LayoutError
from veggie_pl.video.media import MediaError, inside


def find_files(root: Path, split: str, pattern: str | dict[str, str], suffixes: Sequence[str]) -> list[Path]:
    """The files of a split, in natural order, hidden ones left out.

    Args:
        root: The data set's folder.
        split: Put in the place of ``{split}``.
        pattern: With ``*`` for any text; or one per split.
        suffixes: Kinds of file that can be read.

    Raises:
        LayoutError: If there is none, one is of another kind, or one lies outside the root.
    """
    if isinstance(pattern, dict):
        if split not in pattern:
            raise LayoutError(f"no files are named for the split {split}, only for {', '.join(pattern)}")
        pattern = pattern[split]
    pattern = pattern.replace("{split}", split)
    place(root, pattern)
    found = [path for path in matching(root.resolve(), pattern) if path.is_file()]
    readable = [path for path in found if path.name.lower().endswith(tuple(suffixes))]
    if not readable or ("*" not in pattern and len(readable) < len(found)):
        kinds = f" of the kinds {', '.join(suffixes)}"
        raise LayoutError(f"{root / pattern}: {'not a list' if found else 'no such file'}{kinds if found else ''}")
    return [place(root, path.relative_to(root.resolve()).as_posix()) for path in readable]


def place(root: Path, name: str) -> Path:
    """A file or folder below the root.

    Raises:
        LayoutError: If it would lie outside.
    """
    try:
        return inside(root, name)
    except (MediaError, ValueError) as error:
        raise LayoutError(str(error)) from error
