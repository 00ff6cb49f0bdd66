"""Headers of outputs that were looked at before, by content: a file that has not changed is not opened again."""

import json
import logging
from dataclasses import asdict
from pathlib import Path

from veggie_pl.files import whole_file
from veggie_pl.metrics.edited_files import edit_file
from veggie_pl.scoring.fit import Shape

log = logging.getLogger(__name__)


class KnownHeaders:
    """Keeps frames, size and duration of outputs; several processes may share the folder.

    What is no header of ours is read anew; outputs that cannot be read are not kept.

    Args:
        folder: Where they lie, one small file each; None keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def read(self, path: Path, digest: str) -> Shape:
        """Tell the shape of an output.

        Args:
            path: A file, or a folder of pictures.
            digest: Of its bytes and, of a folder, of the names in it.

        Raises:
            UseError: If it cannot be read.
            OSError: If what was found cannot be kept.
        """
        if self.folder is None:
            return _header(path)
        name = f"{digest}{path.suffix.lower()}.json"  # how a file is read hangs on its suffix
        kept = self.folder / digest[:2] / name
        try:
            return Shape(**json.loads(kept.read_text(encoding="utf-8")))
        except FileNotFoundError:
            pass
        except (OSError, ValueError, TypeError) as error:
            log.warning("%s is no header (%s) and is read again", kept, " ".join(str(error).split()))
        found = _header(path)
        kept.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(kept, shared=True) as partial:
            partial.write_text(json.dumps(asdict(found)), encoding="utf-8")
        return found


def _header(path: Path) -> Shape:
    own = edit_file(path).info
    seconds = own.num_frames / own.fps if own.fps else None
    return Shape(own.num_frames, own.height, own.width, own.num_frames, seconds)
