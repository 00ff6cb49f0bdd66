"""Files of those who are on the page: made under names of ours, and removed again."""

import os
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Lock

from veggie_pl.errors import UseError


class PageFiles:
    """The folder of a page, and what belongs to whom.

    Args:
        root: Uploads and edits lie below it, and nothing else.
        minutes: How long files may stay.
    """

    def __init__(self, root: Path, minutes: int) -> None:
        self.root, self.minutes = root, minutes
        self._lock = Lock()
        self._lasting: set[Path] = set()
        self._stops: dict[str, set[Event]] = defaultdict(set)
        self._owned: dict[str, set[Path]] = defaultdict(set)

    def keep_these(self) -> None:
        """Let what is there now, such as examples, stay for good."""
        self._lasting = {path for path in self.root.rglob("*") if path.is_file()}

    def upload(self, path: str | None, session: str) -> Path:
        """Return an upload as somebody's own.

        Raises:
            UseError: If there is none, or not any more.
        """
        if not path:
            raise UseError("there is no clip yet: upload, record or pick one")
        place = Path(path).resolve()
        if not place.is_relative_to(self.root) or not place.is_file():
            raise UseError(f"the clip is not here any more: files stay {self.minutes} minutes; upload it again")
        with self._lock:
            self._owned[session].add(place)
        return place

    def drop(self, place: Path) -> None:
        """Remove an upload that is of no use."""
        if place not in self._lasting:
            place.unlink(missing_ok=True)

    @contextmanager
    def edit_of(self, session: str) -> Iterator[tuple[Path, Event]]:
        """Give an edit its folder, which stays if there is no error, and what stops it."""
        self.sweep()
        folder, stop = Path(tempfile.mkdtemp(prefix="edit", dir=self.root)), Event()
        with self._lock:
            self._stops[session].add(stop)
            self._owned[session].add(folder)
        try:
            yield folder, stop
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            with self._lock:
                self._stops[session].discard(stop)

    def stop(self, session: str) -> int:
        """Stop all edits of somebody; return how many there were."""
        with self._lock:
            stops = list(self._stops[session])
        for stop in stops:
            stop.set()
        return len(stops)

    def stop_all(self) -> None:
        """Stop all edits."""
        for session in list(self._stops):
            self.stop(session)

    def leave(self, session: str) -> None:
        """Somebody has closed the page: stop their edits and remove their files."""
        self.stop(session)
        with self._lock:
            owned = self._owned.pop(session, set())
        for place in owned:
            shutil.rmtree(place, ignore_errors=True) if place.is_dir() else self.drop(place)
        self.sweep()

    def sweep(self) -> None:
        """Remove files that are too old, and folders without any."""
        oldest = time.time() - 60 * self.minutes
        for folder, folders, names in os.walk(self.root, topdown=False):  # which takes no offence at what vanishes
            for place in (Path(folder, name) for name in (*names, *folders)):
                try:
                    # Gradio's File makes an empty file of no use each time it hands one on.
                    left_empty = place.parent == self.root and place.is_file() and not place.stat().st_size
                    if place in self._lasting or (place.stat().st_mtime >= oldest and not left_empty):
                        continue
                    if place.is_dir():
                        place.rmdir()
                    else:
                        place.unlink()
                except OSError:  # not empty, or another thread was quicker
                    continue
