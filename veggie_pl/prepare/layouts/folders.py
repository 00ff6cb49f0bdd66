"""Examples in folders: source, and target or masks, with files of equal names."""

import csv
import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

from veggie_pl.data.table.schema import Row, Skipped
from veggie_pl.errors import UseError
from veggie_pl.file_names import in_order, matching
from veggie_pl.prepare.layouts.base import Layout, LayoutError
from veggie_pl.prepare.layouts.examples import CellRules
from veggie_pl.prepare.layouts.lists import is_empty
from veggie_pl.prepare.layouts.paths import place
from veggie_pl.video.formats import IMAGES, VIDEOS
from veggie_pl.video.media import inside


class PairedFolders(Layout, CellRules):
    """A folder of sources and one of targets or masks: ``cat.png`` belongs to ``cat.jpg`` and to a folder ``cat``.

    Words lie in ``cat.txt`` beside the source, or in one file. In all names ``{split}`` stands for the split.

    Args:
        source: Folder of videos, images or folders of frames.
        target: Folder of edited ones; null where there are masks.
        masks: Folder of mask pictures, or of folders with one per frame; null where there are targets.
        words: File with a line per name: CSV or TSV (name, words), or JSON {name: words}; null: beside the source.
        instruction: The same words for all, in place of files.
        phrases: The words name an object, or are a question, and are no whole instruction; so they are for masks.
    """

    kind: ClassVar[str] = "folders"
    source: str = "source"
    target: str | None = None
    masks: str | None = None
    words: str | None = None
    instruction: str | None = None
    phrases: bool | None = None

    def entries(self, root: Path, split: str) -> Iterator[str]:
        """Names in the folder of sources.

        Raises:
            LayoutError: If a folder is missing, or the card names neither targets nor masks.
        """
        if self.target is None and self.masks is None and self.targets:
            raise LayoutError("the card names neither a folder target nor a folder masks")
        for folder in (self.source, self.target, self.masks):
            if folder is not None and not self._folder(root, split, folder).is_dir():
                raise LayoutError(f"{root / folder.replace('{split}', split)}: no such folder")
        if self.words is not None:
            self._all_words(root, split, self.words)
        for path in in_order(self._folder(root, split, self.source)):
            if path.suffix.lower() in IMAGES | VIDEOS or path.is_dir():
                yield path.name

    def rows(self, root: Path, split: str, entry: str) -> Iterator[Row | Skipped]:
        """The one row of a name."""
        folder, stem = self.source.replace("{split}", split), Path(entry).stem
        cells: dict[str, str | None] = {"source": f"{folder}/{entry}"}
        for field, other in (("target", self.target), ("mask", self.masks)):
            if other is not None:
                found = self._partner(root, split, other, stem)
                if found is None:
                    yield Skipped(stem, f"{field}: none of this name in {other.replace('{split}', split)}")
                    return
                cells[field] = found
        said = self._said(root, split, entry)
        if said is None:
            yield Skipped(stem, "no words: neither in one file nor in a .txt beside the source")
            return
        phrases = self.masks is not None and self.target is None if self.phrases is None else self.phrases
        cells["phrase" if phrases and self.instruction is None else "instruction"] = said
        yield self.row(stem, cells, root)

    def watched(self, root: Path, split: str) -> Iterator[Path]:
        """Where the words are."""
        if self.words is not None:
            yield self._folder(root, split, self.words)
        elif self.instruction is None:
            yield from matching(self._folder(root, split, self.source), "*.txt")

    def _folder(self, root: Path, split: str, name: str) -> Path:
        return place(root, name.replace("{split}", split))

    def _partner(self, root: Path, split: str, folder: str, stem: str) -> str | None:
        found = _stems(path := self._folder(root, split, folder), path.stat().st_mtime_ns).get(stem)
        return None if found is None else f"{folder.replace('{split}', split)}/{found}"

    def _all_words(self, root: Path, split: str, name: str) -> dict[str, str]:
        path = self._folder(root, split, name)
        return _words(path, path.stat().st_mtime_ns if path.is_file() else 0)

    def _said(self, root: Path, split: str, entry: str) -> str | None:
        if self.instruction is not None:
            return self.instruction
        stem = Path(entry).stem
        if self.words is not None:
            words = self._all_words(root, split, self.words)
            return words.get(entry, words.get(stem))
        path = inside(root, f"{self.source.replace('{split}', split)}/{stem}.txt")
        return path.read_text(encoding="utf-8-sig").strip() or None if path.is_file() else None


@lru_cache(maxsize=8)
def _stems(folder: Path, changed: int) -> dict[str, str]:
    """Names in a folder, by stem; of several the first."""
    names = [path.name for path in in_order(folder) if path.suffix.lower() in IMAGES | VIDEOS or path.is_dir()]
    return {Path(name).stem: name for name in reversed(names)}


@lru_cache(maxsize=8)
def _words(path: Path, changed: int) -> dict[str, str]:
    """Words by name.

    Raises:
        LayoutError: If the file is missing or holds something else.
    """
    try:
        if path.suffix.lower() == ".json":
            found = json.loads(path.read_bytes())
            if not isinstance(found, dict) or not all(isinstance(said, str) for said in found.values()):
                raise UseError("an object of name and words is needed")
            return found
        with path.open(encoding="utf-8-sig", newline="") as file:
            cells = csv.reader(file, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
            rows = [row if any(row[2:]) else row[:2] for row in cells if not is_empty(row)]
        if wrong := [row for row in rows if len(row) != 2]:
            raise UseError(f"a line of {len(wrong[0])} cells, but name and words are needed")
    except (OSError, ValueError, RecursionError, csv.Error) as error:
        raise LayoutError(f"{path}: cannot be read ({' '.join(str(error).split()):.200})") from error
    return dict(rows)
