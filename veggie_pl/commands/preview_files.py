"""Which files ``preview`` writes, and whether it may: found out before anything is built, read or written."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from veggie_pl.batch import Skill
from veggie_pl.commands.missing import named_parts
from veggie_pl.data.table.shards import read_info
from veggie_pl.files import partial_of
from veggie_pl.outputs import OutputError, Role, check_folder, check_place, refuse_overlap

RUNS = Path("runs")  # what lies here is ours


@dataclass(frozen=True)
class PreviewFiles:
    """What one preview writes.

    Args:
        sheet: The PNG.
        clips: Folder of sources and instructions, if they are wanted.
        numbers: Of the samples that go there.
    """

    sheet: Path
    clips: Path | None
    numbers: range

    def clip(self, number: int, skill: Skill) -> Path:
        """Name the file that the source of a sample goes to; its instruction goes beside, as .txt."""
        assert self.clips is not None
        return self.clips / f"{number:03d}_{skill}.mp4"

    @property
    def replaced(self) -> list[Role]:
        """What may be written, and is there already."""
        clips = self.clips.iterdir() if self.clips is not None and self.clips.is_dir() else ()
        roles: list[Role] = [("sheet", self.sheet), ("half-written sheet", partial_of(self.sheet))]
        roles += [("clip", path) for path in clips if self._is_own(path)]
        return [(role, path) for role, path in roles if Path(path).exists()]

    def check(self, configs: Iterable[Role], roots: Iterable[Path]) -> None:
        """Look whether all can be written, and nothing is lost by it.

        Args:
            configs: Files that the config came from.
            roots: Folders of the data. No file in there is replaced, but under ``runs/``: it might be a source or a
                mask.

        Raises:
            OutputError: If not.
        """
        refuse_overlap(configs, self.replaced)
        if self.sheet.suffix.lower() != ".png":
            raise OutputError(f"{self.sheet}: cannot write {self.sheet.suffix or 'a name without suffix'}; name a .png")
        check_folder(self.sheet.parent)
        if self.sheet.is_dir():
            check_place(self.sheet)
        if self.clips is not None:
            check_folder(self.clips)
        own = RUNS.resolve()
        for root in {root.resolve() for root in roots}:
            for role, path in self.replaced:
                place = Path(path).resolve()
                if place.is_relative_to(root) and not place.is_relative_to(own):
                    raise OutputError(
                        f"{path} is there already, among the data in {root}; name another {role}, or remove it first"
                    )

    def _is_own(self, path: Path) -> bool:
        found = re.fullmatch(r"(\d{3,})_(\w+)", path.stem.removeprefix(".").removesuffix(".partial"))
        if found is None or found[2] not in set(map(str, Skill)) or int(found[1]) not in self.numbers:
            return False
        clip = self.clip(int(found[1]), Skill(found[2]))
        return path in (clip, clip.with_suffix(".txt"), partial_of(clip))


def data_roots(data: Any) -> set[Path]:
    """Find the folders of a config's data, as its tables name them.

    Args:
        data: The config's ``data:``.

    Raises:
        TableError: If a table is not there.
    """
    tables = [init for _, init in named_parts(data) if init.get("table")]
    return {Path(init.get("root") or read_info(Path(init["table"])).root) for init in tables}
