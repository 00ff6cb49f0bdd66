"""InstructV2V: pairs of made clips of 16 frames, kept as pictures. Card: data_cards/instructv2v.md."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from veggie_pl.batch import Example
from veggie_pl.data.instructions.skills import editing_skill_of
from veggie_pl.data.table.schema import Row, Skipped
from veggie_pl.file_names import in_order
from veggie_pl.prepare.layouts.annotations import FAULTS, ExampleError, field, key, listed, load, number, text
from veggie_pl.prepare.layouts.base import Layout, LayoutError
from veggie_pl.prepare.layouts.edited import fields, lines, only
from veggie_pl.video.media import Media


class InstructV2V(Layout):
    """One folder per pair of prompts, several pairs of clips in it.

    ``<folder>/<number>/prompt.json`` has ``input``, ``output`` and ``edit``; each line of ``metadata.jsonl`` is a
    ``seed`` with four CLIP similarities; ``image/<seed>_0_0000.jpg`` ... is the source, ``image/<seed>_1_0000.jpg`` ...
    the target.

    Args:
        folders: Of InstructPix2Pix's prompts and of those made from WebVid captions; one must be there.
        num_frames: Pictures of each clip.
        min_direction: Least similarity of the changes of picture and of caption; as the next two, the authors'.
        min_caption: Least similarity of each clip and its caption.
        min_image: Least similarity of the two clips.
    """

    kind: ClassVar[str] = "instructv2v"
    folders: tuple[str, ...] = ("raw_generated", "raw_generated_webvid")
    num_frames: int = 16
    min_direction: float = 0.2
    min_caption: float = 0.2
    min_image: float = 0.5

    def entries(self, root: Path, split: str) -> Iterator[str]:
        """Folders of prompts."""
        only(self.kind, split, "train")
        folders = [folder for folder in self.folders if (root / folder).is_dir()]
        if not folders:
            raise LayoutError(f"{root}: none of the folders {', '.join(self.folders)}")
        for folder in folders:
            yield from (f"{folder}/{path.name}" for path in in_order(root / folder) if path.is_dir())

    def rows(self, root: Path, split: str, entry: str) -> Iterator[Row | Skipped]:
        """One per seed; of pairs that are not alike enough the authors kept no pictures."""
        try:
            instruction = text(load(root, f"{entry}/prompt.json"), "edit")
            listing = list(lines(root, f"{entry}/metadata.jsonl"))
            names = listed(root, f"{entry}/image")
        except (*FAULTS, LayoutError) as error:
            yield Skipped(key(self.kind, split, entry), str(error).replace(f"{root}/", ""))
            return
        seen: set[int] = set()
        for line, value in listing:
            try:
                seed = self._seed(fields(value))
                if seed in seen:
                    raise ExampleError(f"seed {seed} a second time")
                source, target = (self._clip(entry, names, seed, side) for side in (0, 1))
            except FAULTS as error:
                yield Skipped(key(self.kind, split, entry, f"line {line}"), str(error))
                continue
            seen.add(seed)
            yield Row(
                Example(key(self.kind, split, entry, seed), editing_skill_of(instruction), instruction), source, target
            )

    def _seed(self, record: dict[str, Any]) -> int:
        """The seed, if its pair is good enough."""
        least = {"sim_dir": self.min_direction, "sim_0": self.min_caption, "sim_1": self.min_caption}
        for name, limit in {**least, "sim_image": self.min_image}.items():
            if not (value := field(record, name, float)) > limit:
                raise ExampleError(f"{name} {value:.3g} is not above {limit:g}")
        return number(field(record, "seed", int), "seed")

    def _clip(self, entry: str, names: set[str], seed: int, side: int) -> tuple[Media, ...]:
        clip = [f"{seed}_{side}_{frame:04d}.jpg" for frame in range(self.num_frames)]
        if missing := [name for name in clip if name not in names]:
            raise ExampleError(f"{len(missing)} of {len(clip)} frames are missing, such as {entry}/image/{missing[0]}")
        return tuple(Media(f"{entry}/image/{name}") for name in clip)
